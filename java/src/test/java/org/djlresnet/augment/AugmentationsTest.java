package org.djlresnet.augment;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.djlresnet.UserException;
import org.djlresnet.data.Augmenter;
import org.djlresnet.data.Batch;
import org.djlresnet.data.BatchLoader;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.data.SplitMix64;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.RawImage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AugmentationsTest {

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

    private static String rejection(String... texts) {
        return assertThrows(UserException.class, () -> Augmentations.of(List.of(texts)))
                .getMessage();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "crop:4",
                "crop:4:reflect",
                "translate:2",
                "resized-crop",
                "resized-crop:0.5",
                "resized-crop:0.2:0.8",
                "flip",
                "flip:0.25",
                "alternating-flip",
                "rotate:15",
                "brightness:0.4",
                "contrast:.4",
                "erase:0.25",
                "erase:0.25:black",
                "erase:0.25:3-11",
                "erase:0.25:3-11:black",
                "cutout:8",
                "trivial",
                "mixup:0.2",
                "cutmix:1",
            })
    void acceptsEveryFormOfTheDocumentation(String text) {
        Augmentations augmentations = Augmentations.of(List.of(text));
        augmentations.requireFit(SHAPE, PixelType.UINT8);
        assertEquals(text, augmentations.toString());
        assertTrue(Augmentations.names().contains(text.split(":")[0]));
        assertEquals(text.contains("mix"), augmentations.mix());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "crop",
                "crop:0",
                "crop:2.5",
                "crop:x",
                "crop:4:mirror",
                "crop:4:reflect:1",
                "crop:1e1",
                "flip:1.5",
                "flip:-1",
                "flip:",
                "flip:NaN",
                "alternating-flip:1",
                "resized-crop:0",
                "resized-crop:0.8:0.2",
                "rotate:181",
                "erase:0.25:13-3",
                "erase:0.25:0-3",
                "erase:0.25:white",
                "erase:0.25:black:3-13",
                "mixup:0",
                "cutmix",
            })
    void rejectsWrongParameters(String text) {
        String message = rejection(text);
        assertTrue(
                message.startsWith("Invalid augmentation. Received: '" + text + "'. Allowed: "),
                message);
    }

    @Test
    void cutsLongTextsInMessages() {
        assertTrue(rejection("crop:" + "1".repeat(100_000) + "x").length() < 300);
        assertTrue(rejection("1".repeat(100_000)).length() < 400);
    }

    @Test
    void suggestsTheNearestName() {
        String message = rejection("flip", "crp:4");
        assertTrue(
                message.startsWith(
                        "Unknown augmentation. Received: 'crp:4'. Did you mean"
                                + " 'crop:PIXELS[:reflect]'? Allowed: crop:PIXELS[:reflect],"
                                + " translate:PIXELS, resized-crop[:MIN:MAX], flip[:P],"),
                message);
    }

    @ParameterizedTest
    @CsvSource({
        "resized-crop, false",
        "resized-crop flip, false",
        "mixup:1 resized-crop, false",
        "flip resized-crop:0.5:1, true",
    })
    void reportsAResizedCropThatIsNotFirst(String texts, boolean expected) {
        assertEquals(expected, Augmentations.of(List.of(texts.split(" "))).cropsLate());
    }

    @ParameterizedTest
    @CsvSource({
        "crop:12, up to 11 pixels",
        "cutout:13, up to 12 pixels",
        "erase:1:3-13, sides of up to 12 pixels",
        "saturation:0.5, images with 3 channels",
    })
    void rejectsWhatDoesNotSuitTheImages(String text, String allowed) {
        Augmentations augmentations = Augmentations.of(List.of(text));
        UserException thrown =
                assertThrows(
                        UserException.class,
                        () -> augmentations.requireFit(SHAPE, PixelType.UINT8));
        assertEquals(
                "The augmentation '"
                        + text
                        + "' does not suit the network's images. Received: 1×12×12 (channels,"
                        + " height, width). Allowed: "
                        + allowed
                        + ".",
                thrown.getMessage());
    }

    @Test
    void changesOnlyBytes() {
        Augmentations flip = Augmentations.of(List.of("flip"));
        assertThrows(UserException.class, () -> flip.requireFit(SHAPE, PixelType.FLOAT32));
        Augmentations.of(List.of("mixup:1")).requireFit(SHAPE, PixelType.FLOAT32);
    }

    @Test
    void splitsTheFormOfTheCommandLine() {
        assertEquals(List.of("crop:4", "flip"), Augmentations.split("crop:4, flip"));
        assertEquals(List.of(), Augmentations.split("none"));
        assertNull(Augmentations.of(List.of()).augmenter(0, Preprocessing.exact(SHAPE), SHAPE));
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

    @Test
    void flipsWithTheirProbability() {
        byte[] original = original();
        int flipped = 0;
        Augmenter augmenter = augmenter(2, "flip:0.3");
        for (int example = 0; example < 10000; example++) {
            byte[] found = augmented(augmenter, 3, example);
            if (found[0] == original[SIZE - 1]) {
                flipped++;
                assertEquals(original[0], found[SIZE - 1]);
            } else {
                assertArrayEquals(original, found);
            }
        }
        assertEquals(3000, flipped, 5 * Math.sqrt(2100));
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
        Set<Integer> sides = new HashSet<>();
        for (int example = 0; example < 4000; example++) {
            byte[] found = augmented(augmenter, 0, example);
            int[] box = box(found);
            if (box == null) {
                continue;
            }
            erased++;
            sides.add(box[2] - box[0]);
            sides.add(box[3] - box[1]);
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
        assertEquals(Set.of(2, 3, 4, 5), sides);
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
        Set<Integer> areas = new HashSet<>();
        for (int example = 0; example < 2000; example++) {
            int[] box = box(augmented(augmenter, 0, example));
            areas.add((box[2] - box[0]) * (box[3] - box[1]));
        }
        // sides of 2 to 4: the centre is inside the image
        assertEquals(Set.of(4, 6, 8, 9, 12, 16), areas);
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

    @ParameterizedTest
    @ValueSource(doubles = {0.2, 1, 8})
    void sharesHaveTheBetaDistribution(double alpha) {
        SplitMix64 random = new SplitMix64(3);
        int n = 20000;
        double sum = 0;
        double squares = 0;
        for (int i = 0; i < n; i++) {
            double share = Beta.draw(alpha, random);
            assertTrue(share >= 0 && share <= 1);
            sum += share;
            squares += (share - 0.5) * (share - 0.5);
        }
        double variance = 1 / (4 * (2 * alpha + 1));
        assertEquals(0.5, sum / n, 5 * Math.sqrt(variance / n));
        assertEquals(variance, squares / n, 0.03 * variance + 0.002);
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

    /** Image i has the pixels i/10 and (i + 1)/10 and the label i. */
    private static ImageDataset floats(int n) {
        ByteBuffer pixels = ByteBuffer.allocateDirect(4 * n * SIZE * SIZE);
        pixels.order(java.nio.ByteOrder.nativeOrder());
        int[] labels = new int[n];
        String[] names = new String[n];
        for (int i = 0; i < n; i++) {
            labels[i] = i;
            names[i] = "class " + i;
            for (int k = 0; k < SIZE * SIZE; k++) {
                pixels.putFloat(i + k / 1000f);
            }
        }
        long[] shape = {n, 1, SIZE, SIZE};
        return ImageDataset.of(pixels.flip(), PixelType.FLOAT32, shape, labels, List.of(names));
    }

    private static float[] floats(ByteBuffer buffer) {
        FloatBuffer floats = buffer.asFloatBuffer();
        float[] values = new float[floats.remaining()];
        floats.get(values);
        return values;
    }

    private static int[] ints(ByteBuffer buffer) {
        IntBuffer ints = buffer.asIntBuffer();
        int[] values = new int[ints.remaining()];
        ints.get(values);
        return values;
    }

    private static BatchLoader loader(ImageDataset data, int batchSize, String... texts) {
        return new BatchLoader(data, Preprocessing.exact(SHAPE), batchSize, augmenter(3, texts));
    }

    @Test
    void mixupAveragesEachImageWithTheNext() {
        int[] order = {4, 0, 2, 5, 1};
        try (BatchLoader loader = loader(floats(6), 3, "mixup:1")) {
            loader.restart(order, 2);
            float[] shares = new float[2];
            for (int begin = 0; begin < order.length; begin += 3) {
                try (Batch batch = loader.next()) {
                    float share = shares[begin / 3] = batch.share();
                    assertTrue(share > 0 && share < 1);
                    int[] second = ints(batch.secondLabels());
                    float[] found = floats(batch.images());
                    for (int i = 0; i < batch.count(); i++) {
                        int own = order[begin + i];
                        int other = order[begin + (i + 1) % batch.count()];
                        assertEquals(own, ints(batch.labels())[i]);
                        assertEquals(other, second[i]);
                        for (int k = 0; k < SIZE * SIZE; k++) {
                            float expected = share * own + (1 - share) * other + k / 1000f;
                            assertEquals(expected, found[i * SIZE * SIZE + k], 1e-5f);
                        }
                    }
                }
            }
            assertNotEquals(shares[0], shares[1]);
            // a resumed pass begins with the second batch
            loader.restart(Arrays.copyOfRange(order, 3, 5), 2);
            try (Batch batch = loader.next()) {
                assertEquals(shares[1], batch.share());
            }
        }
    }

    @Test
    void cutmixReplacesARectangleAndCountsItsArea() {
        Set<Float> shares = new HashSet<>();
        try (BatchLoader loader = loader(floats(40), 4, "cutmix:1")) {
            loader.restart(null, 0);
            for (int begin = 0; begin < 40; begin += 4) {
                try (Batch batch = loader.next()) {
                    float[] found = floats(batch.images());
                    int replaced = 0;
                    int[] box = {SIZE, SIZE, 0, 0};
                    for (int i = 0; i < 4; i++) {
                        for (int k = 0; k < SIZE * SIZE; k++) {
                            float value = found[i * SIZE * SIZE + k] - k / 1000f;
                            float own = begin + i;
                            float other = begin + (i + 1) % 4;
                            if (Math.abs(value - own) > 0.01) {
                                assertEquals(other, value, 1e-4f);
                                replaced++;
                                box[0] = Math.min(box[0], k / SIZE);
                                box[1] = Math.min(box[1], k % SIZE);
                                box[2] = Math.max(box[2], k / SIZE + 1);
                                box[3] = Math.max(box[3], k % SIZE + 1);
                            }
                        }
                    }
                    int area = replaced == 0 ? 0 : (box[2] - box[0]) * (box[3] - box[1]);
                    assertEquals(4 * area, replaced);
                    assertEquals(1 - area / (float) (SIZE * SIZE), batch.share(), 1e-6f);
                    shares.add(batch.share());
                }
            }
        }
        assertTrue(shares.size() > 3);
    }

    @Test
    void withoutMixingThereAreNoSecondLabels() {
        try (BatchLoader loader = new BatchLoader(floats(4), Preprocessing.exact(SHAPE), 4, null)) {
            loader.restart(null);
            try (Batch batch = loader.next()) {
                assertNull(batch.secondLabels());
                assertEquals(1, batch.share());
            }
        }
    }
}
