package org.djlresnet.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The golden values come from an independent implementation in Python. */
class RandomnessTest {

    @Test
    void streamEqualsPublishedAlgorithm() {
        SplitMix64 random = new SplitMix64(1234567);
        String[] published = {
            "6457827717110365317",
            "3203168211198807973",
            "9817491932198370423",
            "4593380528125082431",
            "16408922859458223821"
        };
        for (String value : published) {
            assertEquals(value, Long.toUnsignedString(random.nextLong()));
        }
    }

    @Test
    void gaussiansEqualPolarMethod() {
        SplitMix64 random = new SplitMix64(42);
        double[] golden = {
            -1.2000606755030696, 0.7425545459295542, 0.43852668181259696, 0.5417666923661986
        };
        for (double value : golden) {
            assertEquals(value, random.nextGaussian(), 1e-15);
        }
    }

    @Test
    void drawsHaveTheMomentsOfTheirDistributions() {
        SplitMix64 random = new SplitMix64(5);
        int n = 200_000;
        double sum = 0;
        double squares = 0;
        double uniform = 0;
        int[] counts = new int[3];
        for (int i = 0; i < n; i++) {
            double value = random.nextGaussian();
            sum += value;
            squares += value * value;
            float unit = random.nextFloat();
            assertTrue(unit >= 0 && unit < 1);
            uniform += unit;
            counts[random.nextInt(3)]++;
        }
        // five standard errors each
        assertEquals(0, sum / n, 5 / Math.sqrt(n));
        assertEquals(1, squares / n, 5 * Math.sqrt(2.0 / n));
        assertEquals(0.5, uniform / n, 5 * Math.sqrt(1.0 / 12 / n));
        for (int count : counts) {
            assertEquals(n / 3.0, count, 5 * Math.sqrt(n * 2.0 / 9));
        }
        assertThrows(IllegalArgumentException.class, () -> random.nextInt(0));
    }

    @Test
    void orderIsFixedBySeedAndEpoch() {
        assertArrayEquals(new int[] {9, 8, 7, 6, 1, 3, 2, 0, 4, 5}, EpochOrder.of(0, 1, 10));
        assertArrayEquals(new int[] {3, 6, 1, 4, 2, 0, 9, 7, 5, 8}, EpochOrder.of(7, 3, 10));
        assertArrayEquals(new int[0], EpochOrder.of(7, 3, 0));
    }

    @Test
    void orderIsAPermutationAndDiffersBetweenEpochsAndSeeds() {
        int[] order = EpochOrder.of(1, 1, 60_000);
        int[] sorted = order.clone();
        Arrays.sort(sorted);
        assertArrayEquals(IntStream.range(0, 60_000).toArray(), sorted);
        assertTrue(!Arrays.equals(order, EpochOrder.of(1, 2, 60_000)));
        assertTrue(!Arrays.equals(order, EpochOrder.of(2, 1, 60_000)));
    }

    @Test
    void everyPermutationIsEquallyLikely() {
        int[] counts = new int[27];
        int n = 60_000;
        for (int epoch = 0; epoch < n; epoch++) {
            int[] order = EpochOrder.of(11, epoch, 3);
            counts[order[0] * 9 + order[1] * 3 + order[2]]++;
        }
        int[] seen = Arrays.stream(counts).filter(count -> count > 0).toArray();
        assertEquals(6, seen.length);
        for (int count : seen) {
            assertEquals(n / 6.0, count, 5 * Math.sqrt(n * 5.0 / 36));
        }
    }

    @Test
    void mixDependsOnValuesAndTheirOrder() {
        assertNotEquals(SplitMix64.mix(1, 2), SplitMix64.mix(2, 1));
        assertNotEquals(SplitMix64.mix(0), SplitMix64.mix(0, 0));
    }
}
