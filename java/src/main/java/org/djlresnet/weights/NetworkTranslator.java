package org.djlresnet.weights;

import ai.djl.modality.Classifications;
import ai.djl.modality.cv.Image;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.translate.Translator;
import ai.djl.translate.TranslatorContext;
import java.awt.image.BufferedImage;
import java.util.List;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.Preprocessor;
import org.djlresnet.image.RasterPixels;
import org.djlresnet.image.RawImage;

/** Translates an image to a probability for each class. Thread-safe. */
final class NetworkTranslator implements Translator<Image, Classifications> {

    private final Preprocessing preprocessing;
    private final List<String> classNames;

    NetworkTranslator(Preprocessing preprocessing, List<String> classNames) {
        this.preprocessing = preprocessing;
        this.classNames = classNames;
    }

    @Override
    public NDList processInput(TranslatorContext context, Image image) {
        RawImage raw = new RawImage();
        if (image.getWrappedImage() instanceof BufferedImage buffered) {
            RasterPixels.read(buffered, raw);
        } else {
            read(context, image, raw);
        }
        Preprocessor preprocessor = new Preprocessor(preprocessing);
        ImageShape shape = preprocessor.output(raw.shape());
        float[] values = new float[Math.toIntExact(shape.values())];
        preprocessor.apply(raw, values, 0);
        Shape chw = new Shape(shape.channels(), shape.height(), shape.width());
        return new NDList(context.getNDManager().create(values, chw));
    }

    /** Reads an image of another image library from the pixels (H, W, 3) that DJL returns. */
    private static void read(TranslatorContext context, Image image, RawImage raw) {
        ImageShape shape = new ImageShape(3, image.getHeight(), image.getWidth());
        NDArray array = image.toNDArray(context.getNDManager(), Image.Flag.COLOR);
        byte[] pixels = array.toType(DataType.UINT8, false).toByteArray();
        RawImageBlock.hold(raw, shape, pixels, 0);
    }

    @Override
    public Classifications processOutput(TranslatorContext context, NDList output) {
        return new Classifications(classNames, output.singletonOrThrow().softmax(0));
    }
}
