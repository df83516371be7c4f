package org.djlresnet.data;

import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.util.Locale;
import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.Preprocessor;
import org.djlresnet.image.RawImage;

/** Reads examples into a batch. Not thread-safe. */
final class BatchFiller {

    private final Examples examples;
    private final ImageShape shape;
    private final Preprocessor preprocessor;
    private final RawImage raw = new RawImage();
    private final float[] pixels;

    /**
     * @param examples the examples
     * @param preprocessing how their images are prepared
     * @param shape the shape of a prepared image
     */
    BatchFiller(Examples examples, Preprocessing preprocessing, ImageShape shape) {
        this.examples = examples;
        this.shape = shape;
        preprocessor = new Preprocessor(preprocessing);
        pixels = new float[(int) shape.values()];
    }

    /**
     * Reads example {@code order[position]}, or {@code position} if the order is null.
     *
     * @param i its index in the batch
     * @throws IndexOutOfBoundsException if there is no such example
     */
    void read(int[] order, int position, int i, FloatBuffer images, IntBuffer labels) {
        int example = order == null ? position : order[position];
        if (example < 0 || example >= examples.size()) {
            throw new IndexOutOfBoundsException(
                    String.format(
                            Locale.ROOT,
                            "order[%d] is out of range. Received: %d. Allowed: 0 to %d.",
                            position,
                            example,
                            examples.size() - 1));
        }
        examples.read(example, raw);
        ImageShape out = preprocessor.output(raw.shape());
        if (!out.equals(shape)) {
            throw new UserException(
                    String.format(
                            Locale.ROOT,
                            "Example %d differs in shape after preprocessing. Received: %s. Allowed: %s, like the others.",
                            example,
                            out,
                            shape));
        }
        preprocessor.apply(raw, pixels, 0);
        images.put(i * pixels.length, pixels);
        labels.put(i, examples.label(example));
    }
}
