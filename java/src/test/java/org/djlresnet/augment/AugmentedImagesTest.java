package org.djlresnet.augment;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.data.Augmenter;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.RawImage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What augmentations do to images, and how often. */
class AugmentedImagesTest {

    private static final int SIZE = 12;
    private static final ImageShape SHAPE = new ImageShape(1, SIZE, SIZE);

    /** Each pixel differs from the others, and none is black. */
    private static byte[] original() {
        byte[] pixels = new byte[SIZE * SIZE];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) (i + 1);
        }
        return pixels;
    }

    private static Augmenter augmenter(long seed, String... texts) {
        return Augmentations.of(List.of(texts)).augmenter(seed, Preprocessing.exact(SHAPE), SHAPE);
    }

    private static byte[] augmented(Augmenter augmenter, int epoch, int example) {
        RawImage raw = new RawImage();
        byte[] pixels = original();
        System.arraycopy(pixels, 0, raw.holdBytes(SHAPE), 0, pixels.length);
        augmenter.apply(raw, epoch, example);
        return Arrays.copyOf(raw.bytes(), pixels.length);
    }

    /** Every pixel tells where it came from, so that each draw is known. */
    @Test
    void cropsAreUniformShifts() {
        int[] counts = new int[9];
        Augmenter augmenter = augmenter(1, "crop:1");
        for (int example = 0; example < 9000; example++) {
            byte[] found = augmented(augmenter, 0, example);
            // a pixel inside, whose value is its place in the original plus 1
            int from = (found[5 * SIZE + 5] & 0xff) - 1;
            int up = from / SIZE - 5;
            int left = from % SIZE - 5;
            for (int y = 0; y < SIZE; y++) {
                for (int x = 0; x < SIZE; x++) {
                    boolean inside =
                            y + up >= 0 && y + up < SIZE && x + left >= 0 && x + left < SIZE;
                    int expected = inside ? (y + up) * SIZE + x + left + 1 : 0;
                    assertEquals(expected, found[y * SIZE + x] & 0xff);
                }
            }
            counts[(up + 1) * 3 + left + 1]++;
        }
        // 1000 each, within five standard deviations
        for (int count : counts) {
            assertEquals(1000, count, 5 * Math.sqrt(1000));
        }
    }

    @ParameterizedTest
    @CsvSource({"flip:0.3, 0.3", "flip, 0.5"})
    void flipsWithTheirProbability(String text, double probability) {
        byte[] original = original();
        int flipped = 0;
        Augmenter augmenter = augmenter(2, text);
        for (int example = 0; example < 10000; example++) {
            byte[] found = augmented(augmenter, 3, example);
            if (found[0] == original[SIZE - 1]) {
                flipped++;
                assertEquals(original[0], found[SIZE - 1]);
            } else {
                assertArrayEquals(original, found);
            }
        }
        double variance = 10000 * probability * (1 - probability);
        assertEquals(10000 * probability, flipped, 5 * Math.sqrt(variance));
    }

    @Test
    void alternatingFlipsShowBothSidesInTwoEpochs() {
        Augmenter augmenter = augmenter(5, "alternating-flip");
        int even = 0;
        for (int example = 0; example < 4000; example++) {
            byte[] first = augmented(augmenter, 0, example);
            byte[] second = augmented(augmenter, 1, example);
            assertNotEquals(first[0], second[0]);
            assertArrayEquals(first, augmented(augmenter, 2, example));
            assertArrayEquals(second, augmented(augmenter, 3, example));
            even += first[0] == original()[0] ? 0 : 1;
        }
        assertEquals(2000, even, 5 * Math.sqrt(1000));
    }

    @Test
    void erasesRectanglesOfTheGivenSides() {
        Augmenter augmenter = augmenter(7, "erase:0.5:2-5:black");
        byte[] original = original();
        int erased = 0;
        Map<List<Integer>, Integer> counts = new HashMap<>();
        for (int example = 0; example < 4000; example++) {
            byte[] found = augmented(augmenter, 0, example);
            int[] box = box(found);
            if (box == null) {
                continue;
            }
            erased++;
            counts.merge(List.of(box[2] - box[0], box[3] - box[1]), 1, Integer::sum);
            for (int i = 0; i < found.length; i++) {
                boolean inside =
                        i / SIZE >= box[0]
                                && i / SIZE < box[2]
                                && i % SIZE >= box[1]
                                && i % SIZE < box[3];
                assertEquals(inside ? 0 : original[i], found[i]);
            }
        }
        assertEquals(2000, erased, 5 * Math.sqrt(1000));
        // height and width are independent, from 2 to 5
        assertEquals(16, counts.size());
        for (Map.Entry<List<Integer>, Integer> count : counts.entrySet()) {
            assertTrue(count.getKey().stream().allMatch(side -> side >= 2 && side <= 5));
            assertEquals(erased / 16.0, count.getValue(), 5 * Math.sqrt(erased / 16.0));
        }
    }

    /** Returns top, left, bottom and right of the black pixels; null if there are none. */
    private static int[] box(byte[] pixels) {
        int[] box = {SIZE, SIZE, 0, 0};
        for (int i = 0; i < pixels.length; i++) {
            if (pixels[i] == 0) {
                box[0] = Math.min(box[0], i / SIZE);
                box[1] = Math.min(box[1], i % SIZE);
                box[2] = Math.max(box[2], i / SIZE + 1);
                box[3] = Math.max(box[3], i % SIZE + 1);
            }
        }
        return box[2] == 0 ? null : box;
    }

    @Test
    void erasesAreasLikeTorchvision() {
        Augmenter augmenter = augmenter(7, "erase:1:black");
        double sum = 0;
        for (int example = 0; example < 4000; example++) {
            int[] box = box(augmented(augmenter, 0, example));
            int rows = box[2] - box[0];
            int columns = box[3] - box[1];
            // sides are rounded
            assertTrue((rows - 0.5) * (columns - 0.5) <= 0.33 * SIZE * SIZE);
            assertTrue((rows + 0.5) * (columns + 0.5) >= 0.02 * SIZE * SIZE);
            sum += rows * columns;
        }
        // the mean of 2 and 33 percent, less the rectangles that would not fit
        assertEquals(0.175, sum / 4000 / SIZE / SIZE, 0.01);
    }

    @Test
    void noiseHasEveryLevelEquallyOften() {
        Augmenter augmenter = augmenter(9, "erase:1:12-12");
        int[] counts = new int[256];
        for (int example = 0; example < 1000; example++) {
            for (byte pixel : augmented(augmenter, 0, example)) {
                counts[pixel & 0xff]++;
            }
        }
        double mean = 1000.0 * SIZE * SIZE / 256;
        for (int count : counts) {
            assertEquals(mean, count, 5 * Math.sqrt(mean));
        }
    }

    @Test
    void cutoutsAreCutAtTheBorder() {
        Augmenter augmenter = augmenter(7, "cutout:4");
        int[] tops = new int[SIZE];
        int[] lefts = new int[SIZE];
        for (int example = 0; example < 12000; example++) {
            int[] box = box(augmented(augmenter, 0, example));
            tops[box[0]]++;
            lefts[box[1]]++;
            if (box[0] > 0) {
                assertEquals(Math.min(SIZE, box[0] + 4), box[2]);
            }
        }
        // the centre is any of 12 rows; the square begins two rows before it, or at the border
        int[] expected = {3000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 0, 0};
        for (int i = 0; i < SIZE; i++) {
            assertEquals(expected[i], tops[i], 5 * Math.sqrt(expected[i]));
            assertEquals(expected[i], lefts[i], 5 * Math.sqrt(expected[i]));
        }
    }

    @Test
    void factorsAreUniform() {
        Augmenter augmenter = augmenter(4, "brightness:0.5");
        double sum = 0;
        double least = 9;
        double most = 0;
        for (int example = 0; example < 4000; example++) {
            // 100 times the factor
            double factor = (augmented(augmenter, 0, example)[99] & 0xff) / 100.0;
            sum += factor;
            least = Math.min(least, factor);
            most = Math.max(most, factor);
        }
        assertEquals(1, sum / 4000, 5 * Math.sqrt(1 / 12.0 / 4000));
        assertEquals(0.5, least, 0.011);
        assertEquals(1.5, most, 0.011);
    }

    /** A strength above 1 would invert an image if factors could be negative. */
    @Test
    void factorsAreNotNegative() {
        Augmenter augmenter = augmenter(4, "contrast:3");
        double mean = (SIZE * SIZE + 1) / 2.0;
        for (int example = 0; example < 400; example++) {
            byte[] found = augmented(augmenter, 0, example);
            assertTrue((found[0] & 0xff) <= Math.ceil(mean));
            assertTrue((found[SIZE * SIZE - 1] & 0xff) >= Math.floor(mean));
        }
    }

    @Test
    void whichImagesAreFlippedFirstDependsOnTheSeed() {
        Augmenter one = augmenter(5, "alternating-flip");
        Augmenter other = augmenter(6, "alternating-flip");
        int equal = 0;
        for (int example = 0; example < 1000; example++) {
            equal += augmented(one, 0, example)[0] == augmented(other, 0, example)[0] ? 1 : 0;
        }
        assertEquals(500, equal, 5 * Math.sqrt(250));
    }

    @Test
    void everyDrawDependsOnSeedEpochExampleAndPlaceAlone() {
        String[] list = {"resized-crop", "trivial", "erase:1", "translate:2"};
        Augmenter augmenter = augmenter(1, list);
        byte[] found = augmented(augmenter, 4, 17);
        augmented(augmenter, 0, 3);
        assertArrayEquals(found, augmented(augmenter, 4, 17));
        assertArrayEquals(found, augmented(augmenter(1, list), 4, 17));
        assertFalse(Arrays.equals(found, augmented(augmenter(2, list), 4, 17)));
        assertFalse(Arrays.equals(found, augmented(augmenter, 5, 17)));
        assertFalse(Arrays.equals(found, augmented(augmenter, 4, 18)));
        // a second erasing is not the first
        byte[] twice = augmented(augmenter(1, "erase:1:4-4:black", "erase:1:4-4:black"), 4, 17);
        assertFalse(Arrays.equals(augmented(augmenter(1, "erase:1:4-4:black"), 4, 17), twice));
    }
}
