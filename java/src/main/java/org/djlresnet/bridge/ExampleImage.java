package org.djlresnet.bridge;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.djlresnet.data.Examples;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.Preprocessor;
import org.djlresnet.image.RawImage;

/** An image of a data set, for a figure. */
public final class ExampleImage {

    private final ImageShape shape;
    private final float[] pixels;

    ExampleImage(Examples examples, int index) {
        RawImage raw = new RawImage();
        examples.read(index, raw);
        shape = raw.shape();
        pixels = new float[(int) shape.values()];
        Preprocessing unchanged = new Preprocessing(shape.channels(), null, null, null, null);
        new Preprocessor(unchanged).apply(raw, pixels, 0);
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
     * @return float32 (C, H, W) in a direct buffer in native order; bytes are divided by 255
     */
    public ByteBuffer pixels() {
        ByteBuffer buffer =
                ByteBuffer.allocateDirect(pixels.length * Float.BYTES)
                        .order(ByteOrder.nativeOrder());
        buffer.asFloatBuffer().put(pixels);
        return buffer;
    }
}
