package org.djlresnet.augment;

import java.nio.FloatBuffer;
import org.djlresnet.data.SplitMix64;
import org.djlresnet.image.ImageShape;

/** Mixes each image of a batch with the next, and the last with the first. */
interface Mixing extends Step {

    /**
     * Mixes the images.
     *
     * @param images float32, (N, C, H, W)
     * @param shape the shape of an image
     * @param count the number of images N
     * @param random the generator
     * @return the share that each image keeps of itself, from 0 to 1
     */
    float mix(FloatBuffer images, ImageShape shape, int count, SplitMix64 random);
}
