package org.djlresnet.image;

import org.djlresnet.UserException;

/**
 * What a {@link Preprocessing} does to an image of a shape.
 *
 * @param in the image's shape
 * @param height height after resizing
 * @param width width after resizing
 * @param rows the rows that the crop shows
 * @param columns the columns that the crop shows
 * @param out the shape of the result
 */
record Geometry(ImageShape in, int height, int width, Span rows, Span columns, ImageShape out) {

    static Geometry of(Preprocessing preprocessing, ImageShape in) {
        int channels = preprocessing.channels();
        if (in.channels() != channels
                && !(in.channels() == 1 && channels == 3)
                && !(in.channels() == 3 && channels == 1)) {
            throw new UserException(
                    "Images of %s cannot become images of %s. Allowed: as many, or 3 for 1, or 1 for 3"
                            .formatted(
                                    Preprocessing.count(in.channels()),
                                    Preprocessing.count(channels)));
        }
        Resize resize = preprocessing.resize();
        int height = resize == null ? in.height() : resize.heightOf(in);
        int width = resize == null ? in.width() : resize.widthOf(in);
        Preprocessing.Crop crop = preprocessing.crop();
        Span rows = crop == null ? Span.all(height) : Span.centre(height, crop.height());
        Span columns = crop == null ? Span.all(width) : Span.centre(width, crop.width());
        ImageShape out = new ImageShape(channels, rows.length(), columns.length());
        return new Geometry(in, height, width, rows, columns, out);
    }

    boolean resizes() {
        return height != in.height() || width != in.width();
    }

    /** Returns the number of pixels of the resized image that are seen. */
    int seen() {
        return Math.multiplyExact(rows.count(), columns.count());
    }
}
