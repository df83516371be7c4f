package org.djlresnet.augment;

import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Interpolation;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.Preprocessor;
import org.djlresnet.image.RawImage;
import org.djlresnet.image.Resize;

/** The image that augmentations change, in reused memory: bytes, (C, H, W). */
final class Canvas {

    private final Preprocessing preprocessing;
    private final Preprocessor shaper;
    private final Preprocessor resizer;
    private final RawImage part = new RawImage();
    private RawImage image;
    private byte[] original = {};
    private float[] floats = {};

    /**
     * Creates a canvas.
     *
     * @param preprocessing the network's preprocessing
     * @param shape the shape of the network's images
     */
    Canvas(Preprocessing preprocessing, ImageShape shape) {
        this.preprocessing = preprocessing;
        shaper =
                new Preprocessor(
                        new Preprocessing(
                                preprocessing.channels(),
                                preprocessing.resize(),
                                preprocessing.crop(),
                                null,
                                null));
        Resize exact = Resize.exact(shape.height(), shape.width(), Interpolation.BILINEAR, true);
        resizer =
                new Preprocessor(
                        new Preprocessing(preprocessing.channels(), exact, null, null, null));
    }

    /** Sets the image to change. */
    void begin(RawImage newImage) {
        image = newImage;
    }

    /** Resizes and crops the image according to the preprocessing. */
    void fit() {
        ImageShape in = image.shape();
        boolean resizesAndCrops = preprocessing.resize() != null && preprocessing.crop() != null;
        if (resizesAndCrops || !shaper.output(in).equals(in)) {
            prepare(shaper, image);
        }
    }

    /** Replaces the image with a rectangle of it, resized to the network's size. */
    void cropAndResize(int top, int left, int rows, int columns) {
        byte[] from = pixels();
        byte[] to = part.holdBytes(new ImageShape(channels(), rows, columns));
        for (int c = 0; c < channels(); c++) {
            for (int y = 0; y < rows; y++) {
                int source = (c * height() + top + y) * width() + left;
                System.arraycopy(from, source, to, (c * rows + y) * columns, columns);
            }
        }
        prepare(resizer, part);
    }

    private void prepare(Preprocessor preprocessor, RawImage from) {
        ImageShape out = preprocessor.output(from.shape());
        int values = Math.toIntExact(out.values());
        if (floats.length < values) {
            floats = new float[values];
        }
        preprocessor.apply(from, floats, 0);
        byte[] to = image.holdBytes(out);
        for (int i = 0; i < values; i++) {
            to[i] = round(floats[i] * 255);
        }
    }

    /** Returns the pixels; they are valid until the image changes its size. */
    byte[] pixels() {
        return image.bytes();
    }

    /** Returns a copy of the pixels, valid until the next copy. */
    byte[] original() {
        int values = (int) image.shape().values();
        if (original.length < values) {
            original = new byte[values];
        }
        System.arraycopy(image.bytes(), 0, original, 0, values);
        return original;
    }

    int channels() {
        return image.shape().channels();
    }

    int height() {
        return image.shape().height();
    }

    int width() {
        return image.shape().width();
    }

    /** Returns the nearest byte, from 0 to 255. */
    static byte round(float value) {
        return (byte) (int) (Math.min(Math.max(value, 0f), 255f) + 0.5f);
    }
}
