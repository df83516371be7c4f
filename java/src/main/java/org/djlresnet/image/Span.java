package org.djlresnet.image;

/**
 * Which part of a line of pixels a centre crop shows, and where.
 *
 * @param from the first pixel that is seen
 * @param count how many are seen
 * @param to where the first one is in the result; what lies before and behind is 0
 * @param length pixels of the result
 */
record Span(int from, int count, int to, int length) {

    /** Sees all pixels. */
    static Span all(int size) {
        return new Span(0, size, 0, size);
    }

    /** Crops at the centre, or pads evenly, as torchvision's {@code center_crop}. */
    static Span centre(int size, int crop) {
        if (crop > size) {
            return new Span(0, size, (crop - size) / 2, crop);
        }
        // Python's round() takes the even neighbour of a half
        return new Span((int) Math.rint((size - crop) / 2.0), crop, 0, crop);
    }

    /** Returns whether the result has pixels that the line lacks. */
    boolean pads() {
        return count < length;
    }
}
