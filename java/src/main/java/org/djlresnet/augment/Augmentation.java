package org.djlresnet.augment;

/** A random change of an image. */
interface Augmentation extends Step {

    /**
     * Changes an image.
     *
     * @param canvas the image
     * @param draw identifies the image within the run; the change depends on nothing else
     */
    void apply(Canvas canvas, Draw draw);
}
