package org.djlresnet.image;

import org.djlresnet.UserException;

/**
 * Resizing, antialiased.
 *
 * @param target what the numbers say
 * @param height pixels, 1 or more
 * @param width pixels, 1 or more; the height again where the short side is meant
 * @param interpolation the filter
 * @param rounded whether images of bytes are resized in bytes, as Pillow does and so torchvision's
 *     transforms of PIL images; else they are resized in float32
 */
public record Resize(
        Target target, int height, int width, Interpolation interpolation, boolean rounded) {

    /** What a resizing is given. */
    public enum Target {
        /** Height and width; the image is stretched. */
        EXACT("exact"),
        /** The length of the shorter side; the image keeps its form. */
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
     * Stretches to a size.
     *
     * @param height pixels, 1 or more
     * @param width pixels, 1 or more
     * @param interpolation the filter
     * @param rounded see {@link Resize}
     * @return the resizing
     */
    public static Resize exact(
            int height, int width, Interpolation interpolation, boolean rounded) {
        return new Resize(Target.EXACT, height, width, interpolation, rounded);
    }

    /**
     * Brings the shorter side to a length; the other becomes {@code floor(size · long / short)}, as
     * in torchvision.
     *
     * @param size pixels, 1 or more
     * @param interpolation the filter
     * @param rounded see {@link Resize}
     * @return the resizing
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
            throw new UserException(
                    "An image of %s is too elongated to be resized to a short side of %d"
                            .formatted(in, height));
        }
        return (int) scaled;
    }
}
