package org.djlresnet.augment;

import org.djlresnet.image.ImageShape;

/** One entry of {@link Augmentations}. */
interface Step {

    /**
     * Checks that the step suits images.
     *
     * @param shape the shape of the network's images
     * @return what it allows instead, such as {@code crops of up to 27 pixels}; null if it suits
     *     them
     */
    default String misfit(ImageShape shape) {
        return null;
    }
}
