package org.djlresnet.data;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;

/** Copies single examples into a batch: as float32, resized if asked. For one thread. */
final class ExampleGatherer {

    private static final float[] SCALED = new float[256];

    static {
        for (int i = 0; i < SCALED.length; i++) {
            SCALED[i] = i / 255f;
        }
    }

    private final ImageDataset dataset;
    private final ByteBuffer bytes;
    private final FloatBuffer floats;
    private final int inLength;
    private final int outLength;
    private final byte[] raw;
    private final float[] pixels;
    private final float[] resized;
    private final Resizer resizer;

    /**
     * @param dataset where the examples are
     * @param outHeight height of a batch's images
     * @param outWidth width of a batch's images
     */
    ExampleGatherer(ImageDataset dataset, int outHeight, int outWidth) {
        this.dataset = dataset;
        int height = dataset.height();
        int width = dataset.width();
        bytes = dataset.pixels();
        boolean stored = dataset.type() == PixelType.FLOAT32;
        floats = stored ? bytes.asFloatBuffer() : null;
        inLength = dataset.channels() * height * width;
        outLength = dataset.channels() * outHeight * outWidth;
        raw = stored ? null : new byte[inLength];
        pixels = new float[inLength];
        boolean same = height == outHeight && width == outWidth;
        resizer = same ? null : new Resizer(height, width, outHeight, outWidth);
        resized = same ? pixels : new float[outLength];
    }

    /**
     * Copies {@code order[start … start + count - 1]}, or these examples themselves for a null
     * order.
     *
     * @throws IndexOutOfBoundsException if the order names an example that is not there
     */
    void gather(int[] order, int start, int count, FloatBuffer images, IntBuffer labels) {
        for (int i = 0; i < count; i++) {
            int example = order == null ? start + i : order[start + i];
            if (example < 0 || example >= dataset.size()) {
                throw new IndexOutOfBoundsException(
                        "order[%d] is %d, but the data set has the examples 0 to %d"
                                .formatted(start + i, example, dataset.size() - 1));
            }
            read(example);
            images.put(i * outLength, resized);
            labels.put(i, dataset.label(example));
        }
    }

    private void read(int example) {
        if (raw == null) {
            floats.get(example * inLength, pixels);
        } else {
            bytes.get(example * inLength, raw);
            for (int k = 0; k < inLength; k++) {
                pixels[k] = SCALED[raw[k] & 0xff];
            }
        }
        if (resizer != null) {
            int channels = dataset.channels();
            for (int c = 0; c < channels; c++) {
                resizer.resize(
                        pixels, c * (inLength / channels), resized, c * (outLength / channels));
            }
        }
    }
}
