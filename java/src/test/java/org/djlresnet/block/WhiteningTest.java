package org.djlresnet.block;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** Tests the weights that whiten patches. */
class WhiteningTest {

    private static final int CHANNELS = 3;
    private static final int SIZE = 12;

    /** Neighbouring pixels and channels are correlated. */
    private static float[] image(int number) {
        Random random = new Random(number);
        float[] pixels = new float[CHANNELS * SIZE * SIZE];
        float[] common = new float[SIZE * SIZE];
        for (int i = 0; i < common.length; i++) {
            common[i] = 0.7f * (i == 0 ? 0 : common[i - 1]) + (float) random.nextGaussian();
        }
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = common[i % common.length] + 0.3f * (float) random.nextGaussian();
        }
        return pixels;
    }

    @Test
    void whitenedPatchesAreUncorrelatedAndOfEqualSize() {
        int count = 50;
        float[] weights = Whitening.weights(count, WhiteningTest::image, CHANNELS, SIZE, SIZE);
        int n = CHANNELS * 4;
        assertEquals(2 * n * n, weights.length);
        double[][] products = new double[n][n];
        double[] outputs = new double[n];
        int patches = 0;
        for (int number = 0; number < count; number++) {
            float[] pixels = image(number);
            for (int y = 0; y < SIZE - 1; y++) {
                for (int x = 0; x < SIZE - 1; x++) {
                    for (int out = 0; out < n; out++) {
                        outputs[out] = convolved(weights, out, pixels, y, x);
                    }
                    for (int i = 0; i < n; i++) {
                        for (int j = 0; j < n; j++) {
                            products[i][j] += outputs[i] * outputs[j];
                        }
                    }
                    patches++;
                }
            }
        }
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                // λ / (λ + 5e-4) for eigenvalues above 0.05
                assertEquals(i == j ? 1 : 0, products[i][j] / patches, i == j ? 0.01 : 1e-4);
            }
            for (int j = 0; j < n; j++) {
                assertEquals(-weights[i * n + j], weights[(n + i) * n + j]);
            }
        }
        assertArrayEquals(
                weights, Whitening.weights(count, WhiteningTest::image, CHANNELS, SIZE, SIZE));
    }

    /** An output of a convolution at a position, from the weight (out, C, 2, 2). */
    private static double convolved(float[] weights, int out, float[] pixels, int y, int x) {
        double sum = 0;
        for (int c = 0; c < CHANNELS; c++) {
            for (int i = 0; i < 2; i++) {
                for (int j = 0; j < 2; j++) {
                    sum +=
                            (double) weights[((out * CHANNELS + c) * 2 + i) * 2 + j]
                                    * pixels[(c * SIZE + y + i) * SIZE + x + j];
                }
            }
        }
        return sum;
    }

    @Test
    void constantImagesGiveFiniteWeights() {
        float[] weights = Whitening.weights(1, any -> new float[16], 1, 4, 4);
        for (int i = 0; i < 16; i++) {
            // the identity, divided by the root of 5e-4
            assertEquals(i % 5 == 0 ? 44.72136f : 0, weights[i], 1e-4);
        }
    }

    @Test
    void decomposesASymmetricMatrix() {
        double[][] matrix = {{2, 1, 0}, {1, 2, 0}, {0, 0, -5}};
        double[][] vectors = SymmetricEigen.decompose(matrix);
        double r = Math.sqrt(0.5);
        assertEquals(1, matrix[0][0], 1e-12);
        assertEquals(3, matrix[1][1], 1e-12);
        assertEquals(-5, matrix[2][2], 1e-12);
        assertEquals(r, Math.abs(vectors[0][0]), 1e-12);
        assertEquals(-vectors[0][0], vectors[1][0], 1e-12);
        assertEquals(r, vectors[0][1], 1e-12);
        assertEquals(r, vectors[1][1], 1e-12);
        assertEquals(1, vectors[2][2], 1e-12);
    }
}
