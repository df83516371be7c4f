package org.djlresnet.augment;

import org.djlresnet.data.SplitMix64;
import org.djlresnet.image.ImageShape;

/**
 * Blackens a square around a random pixel; parts of the square may lie outside the image (DeVries
 * and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017).
 *
 * @param side the side in pixels
 */
record Cutout(int side) implements Augmentation {

    @Override
    public String misfit(ImageShape shape) {
        int most = Math.min(shape.height(), shape.width());
        return side > most ? "up to " + most + " pixels" : null;
    }

    @Override
    public void apply(Canvas canvas, Draw draw) {
        SplitMix64 random = draw.random();
        int top = random.nextInt(canvas.height()) - side / 2;
        int left = random.nextInt(canvas.width()) - side / 2;
        Erase.fill(
                canvas,
                null,
                Math.max(top, 0),
                Math.max(left, 0),
                Math.min(top + side, canvas.height()),
                Math.min(left + side, canvas.width()));
    }
}
