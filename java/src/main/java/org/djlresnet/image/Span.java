package org.djlresnet.image;

/**
 * The part of a line of pixels that a centre crop keeps, and its place in the result.
 *
 * @param from the first pixel kept
 * @param count the number of pixels kept
 * @param to the index of the first one in the result, which is padded with 0
 * @param length the length of the result
 */
record Span(int from, int count, int to, int length) {

    /** Keeps all pixels. */
    static Span all(int size) {
        return new Span(0, size, 0, size);
    }

    /** Crops at the centre, or pads evenly, as torchvision's {@code center_crop} does. */
    static Span centre(int size, int crop) {
        if (crop > size) {
            return new Span(0, size, (crop - size) / 2, crop);
        }
        // like Python's round(), rint() rounds halves to even
        return new Span((int) Math.rint((size - crop) / 2.0), crop, 0, crop);
    }

    /** Returns whether the result is longer than the line. */
    boolean pads() {
        return count < length;
    }
}
