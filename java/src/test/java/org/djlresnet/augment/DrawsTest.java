package org.djlresnet.augment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.DoubleSummaryStatistics;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.djlresnet.data.Augmenter;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.RawImage;
import org.junit.jupiter.api.Test;

/** The distributions of what augmentations draw, measured in the images. */
class DrawsTest {

    private static Augmenter augmenter(ImageShape shape, String text) {
        return Augmentations.of(List.of(text)).augmenter(1, Preprocessing.exact(shape), shape);
    }

    private static RawImage image(ImageShape shape, byte[] pixels) {
        RawImage raw = new RawImage();
        System.arraycopy(pixels, 0, raw.holdBytes(shape), 0, pixels.length);
        return raw;
    }

    /** Checks the mean of uniform draws from 0 to 1 within five standard deviations. */
    private static void assertUniform(DoubleSummaryStatistics draws) {
        double deviation = Math.sqrt(1.0 / 12 / draws.getCount());
        assertEquals(0.5, draws.getAverage(), 5 * deviation);
        assertEquals(0, draws.getMin(), 0.03);
        assertEquals(1, draws.getMax(), 0.03);
    }

    /** The first channel rises from left to right and the second from top to bottom, by 2. */
    private static byte[] ramps(int size) {
        byte[] pixels = new byte[3 * size * size];
        for (int i = 0; i < size * size; i++) {
            pixels[i] = (byte) (2 * (i % size));
            pixels[size * size + i] = (byte) (2 * (i / size));
        }
        return pixels;
    }

    /** Returns widths and heights, and left and upper edges, of crops of 128 x 128 pixels. */
    private static List<double[][]> crops(String augmentation) {
        int size = 128;
        int out = 16;
        byte[] pixels = ramps(size);
        Augmenter augmenter = augmenter(new ImageShape(3, out, out), augmentation);
        List<double[][]> crops = new ArrayList<>();
        for (int example = 0; example < 2000; example++) {
            RawImage raw = image(new ImageShape(3, size, size), pixels);
            augmenter.apply(raw, 0, example);
            byte[] found = raw.bytes();
            // pixel k of the output is at start + (k + 0.5) · side / 16 - 0.5
            double[] sides = new double[2];
            double[] starts = new double[2];
            for (int axis = 0; axis < 2; axis++) {
                int step = axis == 0 ? 1 : out;
                int middle = axis * out * out + (axis == 0 ? 8 * out : 8);
                double near = (found[middle + step] & 0xff) / 2.0;
                double far = (found[middle + 14 * step] & 0xff) / 2.0;
                sides[axis] = (far - near) * out / 13;
                starts[axis] = near + 0.5 - 1.5 * sides[axis] / out;
            }
            crops.add(new double[][] {sides, starts});
        }
        return crops;
    }

    @Test
    void resizedCropsHaveTheirAreasRatiosAndPlaces() {
        int size = 128;
        DoubleSummaryStatistics areas = new DoubleSummaryStatistics();
        DoubleSummaryStatistics ratios = new DoubleSummaryStatistics();
        DoubleSummaryStatistics lefts = new DoubleSummaryStatistics();
        DoubleSummaryStatistics tops = new DoubleSummaryStatistics();
        for (double[][] crop : crops("resized-crop")) {
            double[] sides = crop[0];
            areas.accept(sides[0] * sides[1] / size / size);
            if (Math.min(sides[0], sides[1]) > size / 2.0) {
                ratios.accept(sides[0] / sides[1]);
            }
            if (Math.max(sides[0], sides[1]) < size / 2.0) {
                lefts.accept(crop[1][0] / (size - sides[0]));
                tops.accept(crop[1][1] / (size - sides[1]));
            }
        }
        // sides are rounded, and bytes give them within 0.6 pixels: 4 percent of an area of 0.08
        assertEquals(0.08, areas.getMin(), 0.01);
        assertTrue(areas.getMax() > 0.9, areas.toString());
        assertEquals(3 / 4.0, ratios.getMin(), 0.03);
        assertEquals(4 / 3.0, ratios.getMax(), 0.05);
        assertUniform(lefts);
        assertUniform(tops);
    }

    @Test
    void areasOfResizedCropsAreUniformBetweenTheGivenOnes() {
        // up to 0.6 every ratio fits into the image, so that none is drawn again
        double[] areas =
                crops("resized-crop:0.35:0.6").stream()
                        .mapToDouble(crop -> crop[0][0] * crop[0][1] / 128 / 128)
                        .sorted()
                        .toArray();
        assertEquals(0.35, areas[0], 0.01);
        assertEquals(0.6, areas[areas.length - 1], 0.01);
        for (double share : new double[] {0.25, 0.5, 0.75}) {
            // the deviation of a quantile of 2000 is at most 0.0028
            double quantile = areas[(int) (share * areas.length)];
            assertEquals(0.35 + share * 0.25, quantile, 0.012, "quantile " + share);
        }
    }

    @Test
    void imageThatNoCropFitsIsCroppedAtItsCentre() {
        // of 200 x 10 pixels a ratio of at most 4 / 3 leaves an area of at most 0.07
        byte[] pixels = new byte[200 * 10];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) (i % 200);
        }
        Augmenter augmenter = augmenter(new ImageShape(1, 10, 10), "resized-crop:0.5:1");
        for (int example = 0; example < 5; example++) {
            RawImage raw = image(new ImageShape(1, 10, 200), pixels.clone());
            augmenter.apply(raw, 0, example);
            // the full height, and 4 / 3 of it as the width: 13 pixels around 100
            int left = raw.bytes()[0] & 0xff;
            int right = raw.bytes()[9] & 0xff;
            assertEquals(99.5, (left + right) / 2.0, 1);
            assertEquals(13 * 0.9, right - left, 1.5);
        }
    }

    @Test
    void anglesAreUniformInBothDirections() {
        int size = 25;
        byte[] pixels = new byte[size * size];
        for (int i = 0; i < 9; i++) {
            pixels[(11 + i / 3) * size + 20 + i % 3] = (byte) 255;
        }
        ImageShape shape = new ImageShape(1, size, size);
        Augmenter augmenter = augmenter(shape, "rotate:30");
        DoubleSummaryStatistics angles = new DoubleSummaryStatistics();
        for (int example = 0; example < 2000; example++) {
            RawImage raw = image(shape, pixels);
            augmenter.apply(raw, 0, example);
            double right = 0;
            double up = 0;
            for (int i = 0; i < pixels.length; i++) {
                right += (raw.bytes()[i] & 0xff) * (i % size - 12);
                up += (raw.bytes()[i] & 0xff) * (12 - i / size);
            }
            angles.accept((Math.toDegrees(Math.atan2(up, right)) + 30) / 60);
        }
        assertUniform(angles);
    }

    @Test
    void erasedRectanglesHaveTheirRatiosAndPlaces() {
        int size = 64;
        byte[] pixels = new byte[size * size];
        Arrays.fill(pixels, (byte) 1);
        ImageShape shape = new ImageShape(1, size, size);
        Augmenter augmenter = augmenter(shape, "erase:1:black");
        DoubleSummaryStatistics logs = new DoubleSummaryStatistics();
        DoubleSummaryStatistics lefts = new DoubleSummaryStatistics();
        DoubleSummaryStatistics tops = new DoubleSummaryStatistics();
        for (int example = 0; example < 4000; example++) {
            RawImage raw = image(shape, pixels);
            augmenter.apply(raw, 0, example);
            int[] box = {size, size, 0, 0};
            for (int i = 0; i < pixels.length; i++) {
                if (raw.bytes()[i] == 0) {
                    box[0] = Math.min(box[0], i / size);
                    box[1] = Math.min(box[1], i % size);
                    box[2] = Math.max(box[2], i / size + 1);
                    box[3] = Math.max(box[3], i % size + 1);
                }
            }
            int rows = box[2] - box[0];
            int columns = box[3] - box[1];
            logs.accept(Math.log((double) rows / columns));
            tops.accept((double) box[0] / (size - rows));
            lefts.accept((double) box[1] / (size - columns));
        }
        // sides are rounded, and are at least 5 pixels
        assertEquals(Math.log(0.3), logs.getMin(), 0.1);
        assertEquals(Math.log(3.3), logs.getMax(), 0.1);
        assertEquals(0, logs.getAverage(), 0.06);
        assertUniform(lefts);
        assertUniform(tops);
    }

    /** Compares the frequencies of all results with the number of draws that lead to each. */
    @Test
    void trivialDrawsOperationStrengthAndDirectionUniformly() {
        ImageShape shape = new ImageShape(3, 36, 36);
        byte[] pixels = new byte[(int) shape.values()];
        new Random(1).nextBytes(pixels);
        Map<ByteBuffer, Integer> draws = new HashMap<>();
        int all = 0;
        for (Trivial.Kind kind : Trivial.Kind.values()) {
            for (int bin = 0; bin < 31; bin++) {
                for (boolean negative : new boolean[] {false, true}) {
                    RawImage raw = image(shape, pixels);
                    Canvas canvas = new Canvas(Preprocessing.exact(shape), shape);
                    canvas.begin(raw);
                    Trivial.change(canvas, kind, bin, negative);
                    draws.merge(ByteBuffer.wrap(raw.bytes()), 1, Integer::sum);
                    all++;
                }
            }
        }
        assertEquals(14 * 31 * 2, all);
        Map<ByteBuffer, Integer> counts = new HashMap<>();
        Augmenter augmenter = augmenter(shape, "trivial");
        for (int example = 0; example < 10 * all; example++) {
            RawImage raw = image(shape, pixels);
            augmenter.apply(raw, 0, example);
            counts.merge(ByteBuffer.wrap(raw.bytes()), 1, Integer::sum);
        }
        assertTrue(draws.keySet().containsAll(counts.keySet()));
        double square = 0;
        for (Map.Entry<ByteBuffer, Integer> one : draws.entrySet()) {
            double expected = 10.0 * one.getValue();
            double more = counts.getOrDefault(one.getKey(), 0) - expected;
            square += more * more / expected;
        }
        // the chi-squared distribution, within five standard deviations
        int freedom = draws.size() - 1;
        assertTrue(freedom > 500);
        assertEquals(freedom, square, 5 * Math.sqrt(2 * freedom));
    }
}
