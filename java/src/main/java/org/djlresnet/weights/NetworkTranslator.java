package org.djlresnet.weights;

import ai.djl.modality.Classifications;
import ai.djl.modality.cv.Image;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.translate.Translator;
import ai.djl.translate.TranslatorContext;
import ai.djl.util.Utils;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.List;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.Preprocessor;
import org.djlresnet.image.RasterPixels;
import org.djlresnet.image.RawImage;

/**
 * From an image to a probability for each class of {@code synset.txt}. Safe for several threads.
 */
final class NetworkTranslator implements Translator<Image, Classifications> {

    private final Preprocessing preprocessing;
    private volatile List<String> classNames;

    NetworkTranslator(Preprocessing preprocessing) {
        this.preprocessing = preprocessing;
    }

    @Override
    public void prepare(TranslatorContext context) throws IOException {
        classNames =
                context.getModel()
                        .getArtifact(DjlFolder.SYNSET, content -> Utils.readLines(content, true));
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

    /** Reads an image of another image library, as DJL gives its pixels: bytes (H, W, 3). */
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
