package org.djlresnet.data;

import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.Preprocessor;
import org.djlresnet.image.RawImage;

/** Reads single examples into a batch. For one thread. */
final class BatchFiller {

    private final Examples examples;
    private final ImageShape shape;
    private final Preprocessor preprocessor;
    private final RawImage raw = new RawImage();
    private final float[] pixels;

    /**
     * @param examples where the examples are
     * @param preprocessing what is done to them
     * @param shape the shape of a batch's images
     */
    BatchFiller(Examples examples, Preprocessing preprocessing, ImageShape shape) {
        this.examples = examples;
        this.shape = shape;
        preprocessor = new Preprocessor(preprocessing);
        pixels = new float[(int) shape.values()];
    }

    /**
     * Reads {@code order[position]}, or the example of that number for a null order.
     *
     * @param i its place in the batch
     * @throws IndexOutOfBoundsException if the order names an example that is not there
     */
    void read(int[] order, int position, int i, FloatBuffer images, IntBuffer labels) {
        int example = order == null ? position : order[position];
        if (example < 0 || example >= examples.size()) {
            throw new IndexOutOfBoundsException(
                    "order[%d] is %d, but the data set has the examples 0 to %d"
                            .formatted(position, example, examples.size() - 1));
        }
        examples.read(example, raw);
        ImageShape out = preprocessor.output(raw.shape());
        if (!out.equals(shape)) {
            throw new UserException(
                    "Example %d becomes an image of %s, but the others are %s"
                            .formatted(example, out, shape));
        }
        preprocessor.apply(raw, pixels, 0);
        images.put(i * pixels.length, pixels);
        labels.put(i, examples.label(example));
    }
}
