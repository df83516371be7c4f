package org.djlresnet.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class GaussianNoiseTest {

    /** From an independent implementation in Python. */
    @Test
    void valuesEqualGoldens() {
        float[] first = {-0.26605182f, -0.0843534f, -0.4582807f, -1.1562965f};
        assertArrayEquals(first, noise(0, 1, 0, 1, 4), 1e-7f);
        assertArrayEquals(
                new float[] {0.68320283f, 0.543470f, 1.0154371f},
                noise(7, 12, 59_999, 1, 3),
                1e-6f);
        assertArrayEquals(
                new float[] {-1.0211502f, 0.3077014f}, noise(-1, 12, 1L << 40, 1, 2), 1e-6f);
    }

    @Test
    void anExamplesNoiseDoesNotDependOnItsBatch() {
        float[] together = noise(3, 5, 10, 4, 6);
        assertArrayEquals(noise(3, 5, 12, 1, 6), Arrays.copyOfRange(together, 12, 18));
        assertArrayEquals(noise(3, 5, 11, 2, 6), Arrays.copyOfRange(together, 6, 18));
        // a smaller latent space has the first values of a larger one
        assertArrayEquals(noise(3, 5, 10, 1, 2), Arrays.copyOf(together, 2));
    }

    @Test
    void valuesAfterTheExamplesAreKept() {
        float[] into = {9, 9, 9};
        GaussianNoise.fill(into, 0, 1, 0, 1, 2);
        assertEquals(9, into[2]);
        assertEquals(-0.26605182f, into[0], 1e-7f);
    }

    @Test
    void noiseIsStandardNormalAndUncorrelated() {
        int n = 40_000;
        float[] noise = noise(1, 2, 0, n, 3);
        float[] nextStep = noise(1, 3, 0, n, 3);
        float[] otherSeed = noise(2, 2, 0, n, 3);
        double[] sums = new double[8];
        for (int i = 0; i < n; i++) {
            double x = noise[3 * i];
            sums[0] += x;
            sums[1] += x * x - 1;
            sums[2] += x * x * x;
            sums[3] += x * x * x * x - 3;
            sums[4] += x * noise[3 * i + 1];
            sums[5] += x * noise[(3 * i + 3) % (3 * n)];
            sums[6] += x * nextStep[3 * i];
            sums[7] += x * otherSeed[3 * i];
        }
        // variances of x, x² − 1, x³, x⁴ − 3 and of products of independent values
        double[] variances = {1, 2, 15, 96, 1, 1, 1, 1};
        for (int i = 0; i < sums.length; i++) {
            assertEquals(0, sums[i] / n, 5 * Math.sqrt(variances[i] / n), "moment " + i);
        }
    }

    private static float[] noise(long seed, long step, long first, int count, int latent) {
        float[] into = new float[count * latent];
        GaussianNoise.fill(into, seed, step, first, count, latent);
        return into;
    }
}
