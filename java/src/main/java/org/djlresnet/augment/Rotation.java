package org.djlresnet.augment;

/**
 * Rotates an image around its centre, with bilinear interpolation and black fill.
 *
 * @param degrees the largest angle in either direction
 */
record Rotation(double degrees) implements Augmentation {

    @Override
    public void apply(Canvas canvas, Draw draw) {
        Warp.rotate(canvas, ResizedCrop.between(draw.random(), -degrees, degrees));
    }
}
