package org.djlresnet.data;

import java.nio.FloatBuffer;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.RawImage;

/**
 * Changes training images at random, as a pure function of the run's seed, the epoch and the
 * example. A {@link BatchLoader} applies it. Not thread-safe.
 */
public interface Augmenter {

    /**
     * Returns whether to call {@link #apply}; otherwise the loader prepares the images.
     *
     * @return whether there are changes of single images
     */
    boolean changesImages();

    /**
     * Resizes and crops an image according to the preprocessing, and augments it.
     *
     * @param image the image as it was read, uint8; then the network's input before normalization
     * @param epoch the number of completed epochs
     * @param example the index of the example
     */
    void apply(RawImage image, int epoch, int example);

    /**
     * Returns whether {@link #mix} may change images.
     *
     * @return whether batches have second labels
     */
    boolean mixes();

    /**
     * Mixes each image of a batch with the next, and the last with the first. Called only if {@link
     * #mixes}.
     *
     * @param images the prepared images, float32, (N, C, H, W)
     * @param shape the shape of an image
     * @param count the number of images N
     * @param epoch the number of completed epochs
     * @param first the index of the batch's first example
     * @return the share that each image keeps of itself, from 0 to 1
     */
    float mix(FloatBuffer images, ImageShape shape, int count, int epoch, int first);
}
