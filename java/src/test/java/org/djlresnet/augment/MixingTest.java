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
