package org.djlresnet.data;

import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.RawImage;

/**
 * Statistics of examples.
 *
 * @param counts the number of examples of each class
 * @param mean the mean of each channel over all pixels; bytes are scaled to [0, 1]
 * @param deviation the standard deviation of each channel over all pixels
 */
public record Statistics(int[] counts, double[] mean, double[] deviation) {

    /**
     * Reads all examples.
     *
     * @param examples the examples
     * @return their statistics
     * @throws UserException if they differ in their number of channels
     */
    public static Statistics of(Examples examples) {
        int[] counts = new int[examples.classNames().size()];
        double[] sums = null;
        double[] squares = null;
        long pixels = 0;
        RawImage raw = new RawImage();
        for (int i = 0; i < examples.size(); i++) {
            counts[examples.label(i)]++;
            examples.read(i, raw);
            ImageShape shape = raw.shape();
            if (sums == null) {
                sums = new double[shape.channels()];
                squares = new double[shape.channels()];
            }
            if (shape.channels() != sums.length) {
                throw new UserException(
                        "Some images are grey, and others are in colour. Convert all to one kind.");
            }
            int plane = shape.height() * shape.width();
            pixels += plane;
            for (int c = 0; c < sums.length; c++) {
                double sum = 0;
                double square = 0;
                for (int p = c * plane; p < (c + 1) * plane; p++) {
                    double value = raw.value(p);
                    sum += value;
                    square += value * value;
                }
                sums[c] += sum;
                squares[c] += square;
            }
        }
        for (int c = 0; c < sums.length; c++) {
            sums[c] /= pixels;
            squares[c] = Math.sqrt(Math.max(0, squares[c] / pixels - sums[c] * sums[c]));
        }
        return new Statistics(counts, sums, squares);
    }
}
