package org.djlresnet.augment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.djlresnet.data.Augmenter;
import org.djlresnet.data.Batch;
import org.djlresnet.data.BatchLoader;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.data.SplitMix64;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Mixed batches. */
class MixingTest {

    private static final int SIZE = 12;
    private static final ImageShape SHAPE = new ImageShape(1, SIZE, SIZE);

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
        Preprocessing steps = Preprocessing.exact(SHAPE);
        Augmenter augmenter = Augmentations.of(List.of(texts)).augmenter(3, steps, SHAPE);
        return new BatchLoader(data, steps, batchSize, augmenter);
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

    /** Returns the shares of batches of one image. */
    private static double[] shares(int batches, int size, String... texts) {
        ImageShape shape = new ImageShape(1, size, size);
        Preprocessing steps = Preprocessing.exact(shape);
        Augmenter augmenter = Augmentations.of(List.of(texts)).augmenter(3, steps, shape);
        FloatBuffer images = FloatBuffer.allocate(size * size);
        return IntStream.range(0, batches)
                .mapToDouble(first -> augmenter.mix(images, shape, 1, 0, first))
                .toArray();
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.2, 8})
    void mixupUsesItsAlpha(double alpha) {
        double[] shares = shares(20000, 1, "mixup:" + alpha);
        double variance = 1 / (4 * (2 * alpha + 1));
        double squares = Arrays.stream(shares).map(s -> (s - 0.5) * (s - 0.5)).average().orElse(0);
        assertEquals(0.5, Arrays.stream(shares).average().orElse(0), 5 * Math.sqrt(variance / 2e4));
        assertEquals(variance, squares, 0.03 * variance + 0.002);
    }

    /**
     * A rectangle with sides of 2 h has the mean side 2 h − h² and the mean square 4 h² − 10/3 h³
     * after it is clipped. The expected values are means over λ.
     */
    @ParameterizedTest
    @ValueSource(doubles = {1, 8})
    void cutmixHasTheAreasOfItsAlpha(double alpha) {
        double mean = 0;
        double square = 0;
        double total = 0;
        for (double share = 0.0005; share < 1; share += 0.001) {
            double density = Math.pow(share * (1 - share), alpha - 1);
            double h = Math.sqrt(1 - share) / 2;
            mean += density * Math.pow(2 * h - h * h, 2);
            square += density * Math.pow(4 * h * h - 10 / 3.0 * h * h * h, 2);
            total += density;
        }
        mean /= total;
        double[] shares = shares(4000, 200, "cutmix:" + alpha);
        double found = 1 - Arrays.stream(shares).average().orElse(0);
        // 5 standard deviations are 0.015; sides are rounded down by up to a hundredth
        assertEquals(mean, found, 0.02);
        assertEquals(
                square / total - mean * mean,
                Arrays.stream(shares)
                        .map(s -> (1 - s - found) * (1 - s - found))
                        .average()
                        .orElse(0),
                0.005);
    }

    @Test
    void sharesDependOnSeedEpochAndBatch() {
        ImageShape shape = new ImageShape(1, 2, 2);
        Set<Float> shares = new HashSet<>();
        for (long seed = 1; seed <= 2; seed++) {
            Augmenter augmenter =
                    Augmentations.of(List.of("mixup:1"))
                            .augmenter(seed, Preprocessing.exact(shape), shape);
            for (int epoch = 0; epoch < 2; epoch++) {
                for (int first = 0; first < 4; first += 2) {
                    FloatBuffer batch = FloatBuffer.allocate(8);
                    float share = augmenter.mix(batch, shape, 2, epoch, first);
                    assertTrue(shares.add(share));
                    assertEquals(share, augmenter.mix(batch, shape, 2, epoch, first));
                }
            }
        }
    }

    @Test
    void eachBatchIsMixedByOneOfSeveral() {
        // a rectangle of 4 pixels has quarters of the image, an average hardly ever
        double[] shares = shares(2000, 2, "mixup:1", "cutmix:1");
        long rectangles = Arrays.stream(shares).filter(share -> share * 4 % 1 == 0).count();
        assertEquals(1000, rectangles, 5 * Math.sqrt(500));
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
}
