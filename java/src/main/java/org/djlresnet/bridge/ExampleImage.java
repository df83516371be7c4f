package org.djlresnet.bridge;

import java.nio.ByteBuffer;
import org.djlresnet.data.Examples;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.Preprocessor;
import org.djlresnet.image.RawImage;
import org.djlresnet.model.TensorBytes;

/** An image of a data set, for a figure. */
public final class ExampleImage {

    private final ImageShape shape;
    private final float[] pixels;

    ExampleImage(Examples examples, int index) {
        this(read(examples, index), null);
    }

    ExampleImage(Examples examples, int index, Preprocessing preprocessing) {
        this(read(examples, index), preprocessing);
    }

    /** Prepares an image, or only scales it if there is no preprocessing. */
    private ExampleImage(RawImage raw, Preprocessing preprocessing) {
        Preprocessing unchanged = new Preprocessing(raw.shape().channels(), null, null, null, null);
        Preprocessor preprocessor =
                new Preprocessor(preprocessing == null ? unchanged : preprocessing);
        shape = preprocessor.output(raw.shape());
        pixels = new float[(int) shape.values()];
        preprocessor.apply(raw, pixels, 0);
    }

    private static RawImage read(Examples examples, int index) {
        RawImage raw = new RawImage();
        examples.read(index, raw);
        return raw;
    }

    /**
     * Returns the shape.
     *
     * @return C, H, W
     */
    public int[] shape() {
        return new int[] {shape.channels(), shape.height(), shape.width()};
    }

    /**
     * Returns the pixels.
     *
     * @return float32 (C, H, W) in a direct buffer in native order; bytes are divided by 255 unless
     *     the image was prepared for a network
     */
    public ByteBuffer pixels() {
        return TensorBytes.of(pixels);
    }
}
