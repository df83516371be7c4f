package org.djlresnet.image;

import org.djlresnet.UserException;

/**
 * The size of an image.
 *
 * @param channels C, 1 or more; usually 1 for grey or 3 for red, green, blue
 * @param height H in pixels, 1 or more
 * @param width W in pixels, 1 or more
 */
public record ImageShape(int channels, int height, int width) {

    /**
     * @throws UserException if a length is below 1
     */
    public ImageShape {
        if (channels < 1 || height < 1 || width < 1) {
            throw new UserException(
                    "An image has at least 1 channel, 1 row and 1 column. Received: %d×%d×%d"
                            .formatted(channels, height, width));
        }
    }

    /**
     * Returns the number of values of an image.
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
