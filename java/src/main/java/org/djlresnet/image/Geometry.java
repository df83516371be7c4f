package org.djlresnet.image;

import org.djlresnet.UserException;

/**
 * The sizes of an image at each step of a {@link Preprocessing}.
 *
 * @param in the image's shape
 * @param height the height after resizing
 * @param width the width after resizing
 * @param rows the rows of the crop
 * @param columns the columns of the crop
 * @param out the shape of the result
 */
record Geometry(ImageShape in, int height, int width, Span rows, Span columns, ImageShape out) {

    static Geometry of(Preprocessing preprocessing, ImageShape in) {
        int channels = preprocessing.channels();
        if (in.channels() != channels
                && !(in.channels() == 1 && channels == 3)
                && !(in.channels() == 3 && channels == 1)) {
            throw UserException.of(
                    "Images with %s cannot be converted to images with %s. Allowed: the same number, 3 to 1, or 1 to 3.",
                    Preprocessing.count(in.channels()), Preprocessing.count(channels));
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

    /** Returns the number of pixels of the resized image that the crop keeps. */
    int kept() {
        return Math.multiplyExact(rows.count(), columns.count());
    }
}
