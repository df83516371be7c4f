package org.djlresnet.image;

import org.djlresnet.UserException;

/**
 * The shape of an image.
 *
 * @param channels C, 1 or more; usually 1 for grey or 3 for red, green and blue
 * @param height H in pixels, 1 or more
 * @param width W in pixels, 1 or more
 */
public record ImageShape(int channels, int height, int width) {

    /**
     * Creates a shape.
     *
     * @throws UserException if a length is below 1
     */
    public ImageShape {
        if (channels < 1 || height < 1 || width < 1) {
            throw UserException.of(
                    "An image needs at least 1 channel, 1 row and 1 column. Received: %d×%d×%d.",
                    channels, height, width);
        }
    }

    /**
     * Returns the number of values in an image.
     *
     * @return C·H·W
     */
    public long values() {
        return (long) channels * height * width;
    }

    /**
     * Returns the shape of a batch.
     *
     * @param count the number of images N
     * @return N, C, H, W
     */
    public long[] batch(int count) {
        return new long[] {count, channels, height, width};
    }

    /** Returns C×H×W. */
    @Override
    public String toString() {
        return channels + "×" + height + "×" + width;
    }
}
