package org.djlresnet.augment;

/** A random change of an image. */
interface Augmentation extends Step {

    /**
     * Changes an image.
     *
     * @param canvas the image
     * @param draw where in the run the image is; all that the change may depend on
     */
    void apply(Canvas canvas, Draw draw);
}
