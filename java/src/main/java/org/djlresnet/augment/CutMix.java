package org.djlresnet.augment;

import java.nio.FloatBuffer;
import org.djlresnet.data.SplitMix64;
import org.djlresnet.image.ImageShape;

/**
 * Replaces a random rectangle, shared by all images of a batch, with that of another image (Yun et
 * al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features",
 * 2019). Its sides are √(1 − λ) of the image's, its centre is a random pixel, and it is clipped to
 * the image.
 *
 * @param alpha λ is drawn from Beta(alpha, alpha)
 */
record CutMix(double alpha) implements Mixing {

    @Override
    public float mix(FloatBuffer images, ImageShape shape, int count, SplitMix64 random) {
        double half = 0.5 * Math.sqrt(1 - Beta.draw(alpha, random));
        int y = random.nextInt(shape.height());
        int x = random.nextInt(shape.width());
        int rows = (int) (half * shape.height());
        int columns = (int) (half * shape.width());
        int top = Math.max(y - rows, 0);
        int bottom = Math.min(y + rows, shape.height());
        int left = Math.max(x - columns, 0);
        int width = Math.min(x + columns, shape.width()) - left;
        int values = (int) shape.values();
        float[] first = new float[values];
        images.get(0, first);
        float[] row = new float[width];
        for (int i = 0; i < count; i++) {
            for (int c = 0; c < shape.channels(); c++) {
                for (int line = top; line < bottom; line++) {
                    int at = (c * shape.height() + line) * shape.width() + left;
                    if (i + 1 < count) {
                        images.get((i + 1) * values + at, row);
                        images.put(i * values + at, row);
                    } else {
                        images.put(i * values + at, first, at, width);
                    }
                }
            }
        }
        return 1 - (float) ((bottom - top) * width) / (shape.height() * shape.width());
    }
}
