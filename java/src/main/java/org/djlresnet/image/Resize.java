package org.djlresnet.image;

import org.djlresnet.UserException;

/**
 * A resizing step, with antialiasing.
 *
 * @param target the meaning of the numbers
 * @param height the height in pixels, 1 or more
 * @param width the width in pixels, 1 or more; equal to the height for the short side
 * @param interpolation the filter
 * @param rounded whether images of bytes are resized in bytes, as in Pillow and therefore in
 *     torchvision's transforms of PIL images, rather than in float32
 */
public record Resize(
        Target target, int height, int width, Interpolation interpolation, boolean rounded) {

    /** The meaning of a size. */
    public enum Target {
        /** Height and width; the image is stretched. */
        EXACT("exact"),
        /** The length of the shorter side; the image keeps its aspect ratio. */
        SHORT_SIDE("short-side");

        private final String text;

        Target(String text) {
            this.text = text;
        }

        @Override
        public String toString() {
            return text;
        }
    }

    /**
     * Creates a step that stretches images to a size.
     *
     * @param height the height in pixels, 1 or more
     * @param width the width in pixels, 1 or more
     * @param interpolation the filter
     * @param rounded see {@link Resize}
     * @return the step
     */
    public static Resize exact(
            int height, int width, Interpolation interpolation, boolean rounded) {
        return new Resize(Target.EXACT, height, width, interpolation, rounded);
    }

    /**
     * Creates a step that resizes the shorter side to a length, and the other to {@code floor(size
     * · long / short)}, as in torchvision.
     *
     * @param size the length in pixels, 1 or more
     * @param interpolation the filter
     * @param rounded see {@link Resize}
     * @return the step
     */
    public static Resize shortSide(int size, Interpolation interpolation, boolean rounded) {
        return new Resize(Target.SHORT_SIDE, size, size, interpolation, rounded);
    }

    int heightOf(ImageShape in) {
        return target == Target.EXACT ? height : scaled(in.height(), in);
    }

    int widthOf(ImageShape in) {
        return target == Target.EXACT ? width : scaled(in.width(), in);
    }

    private int scaled(int side, ImageShape in) {
        long scaled = (long) height * side / Math.min(in.height(), in.width());
        if (scaled > Integer.MAX_VALUE) {
            throw UserException.of(
                    "An image of %s is too elongated to resize its short side to %d.", in, height);
        }
        return (int) scaled;
    }
}
