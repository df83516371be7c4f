package org.djlresnet.model;

import org.djlresnet.data.Examples;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.Preprocessor;
import org.djlresnet.image.RawImage;

/** Images from all parts of a data set, prepared, to measure statistics on. */
final class SampledImages {

    private static final int MOST = 5000;

    private final Examples examples;
    private final Preprocessor preprocessor;
    private final ImageShape shape;
    private final int count;
    private final RawImage raw = new RawImage();
    private final float[] pixels;

    /**
     * Prepares to read.
     *
     * @param examples the data set, of which up to 5,000 images at equal distances are read
     * @param preprocessing how they are prepared
     */
    SampledImages(Examples examples, Preprocessing preprocessing) {
        this.examples = examples;
        preprocessor = new Preprocessor(preprocessing);
        count = Math.min(MOST, examples.size());
        examples.read(0, raw);
        shape = preprocessor.output(raw.shape());
        pixels = new float[(int) shape.values()];
    }

    int count() {
        return count;
    }

    /** The shape of a prepared image. */
    ImageShape shape() {
        return shape;
    }

    /** The pixels (C, H, W) of an image, until the next call. */
    float[] get(int image) {
        examples.read((int) ((long) image * examples.size() / count), raw);
        preprocessor.apply(raw, pixels, 0);
        return pixels;
    }

    /** Returns a preprocessing with the mean and the deviation of each channel, to 4 digits. */
    static Preprocessing normalize(Examples examples, Preprocessing plain) {
        SampledImages images = new SampledImages(examples, plain);
        int plane = images.shape.height() * images.shape.width();
        double[] sums = new double[plain.channels()];
        double[] squares = new double[plain.channels()];
        for (int image = 0; image < images.count; image++) {
            float[] values = images.get(image);
            for (int i = 0; i < values.length; i++) {
                sums[i / plane] += values[i];
                squares[i / plane] += (double) values[i] * values[i];
            }
        }
        double count = (double) images.count * plane;
        return plain.normalized(
                c -> rounded(sums[c] / count),
                c -> rounded(Math.sqrt(squares[c] / count - Math.pow(sums[c] / count, 2))));
    }

    private static double rounded(double value) {
        return Math.round(value * 1e4) / 1e4;
    }
}
