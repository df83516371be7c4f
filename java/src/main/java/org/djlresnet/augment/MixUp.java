package org.djlresnet.augment;

import java.nio.FloatBuffer;
import org.djlresnet.data.SplitMix64;
import org.djlresnet.image.ImageShape;

/**
 * Averages images with a random weight (Zhang et al., "mixup: Beyond Empirical Risk Minimization",
 * 2018).
 *
 * @param alpha the weight is drawn from Beta(alpha, alpha)
 */
record MixUp(double alpha) implements Mixing {

    @Override
    public float mix(FloatBuffer images, ImageShape shape, int count, SplitMix64 random) {
        float share = Beta.draw(alpha, random);
        int values = (int) shape.values();
        float[] first = new float[values];
        float[] image = new float[values];
        float[] next = new float[values];
        images.get(0, first);
        images.get(0, image);
        for (int i = 0; i < count; i++) {
            if (i + 1 < count) {
                images.get((i + 1) * values, next);
            } else {
                next = first;
            }
            for (int k = 0; k < values; k++) {
                image[k] = share * image[k] + (1 - share) * next[k];
            }
            images.put(i * values, image);
            float[] done = image;
            image = next;
            next = done;
        }
        return share;
    }
}
