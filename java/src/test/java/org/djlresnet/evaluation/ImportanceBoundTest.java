package org.djlresnet.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.List;
import org.djlresnet.data.GaussianNoise;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.evaluation.ImportanceBound.Bound;
import org.djlresnet.model.Likelihood;
import org.djlresnet.objective.Minibatch;
import org.junit.jupiter.api.Test;

/**
 * A linear-Gaussian model: x = ½ + W z + σ e with three pixels and two latent dimensions. Its
 * likelihood is known, and so is its posterior, which is diagonal as W's columns are orthogonal.
 */
class ImportanceBoundTest {

    private static final double[][] COLUMNS = {{0.04, 0.04, 0}, {0.03, -0.03, 0.02}};
    private static final double SIGMA = 0.05;
    private static final int EXAMPLES = 600;

    /** The images, (N, 3). */
    private static final float[] IMAGES = images();

    private static float[] images() {
        float[] noise = new float[EXAMPLES * 5];
        GaussianNoise.fill(noise, 1, 0, 0, EXAMPLES, 5);
        float[] images = new float[EXAMPLES * 3];
        for (int i = 0; i < images.length; i++) {
            int from = i / 3 * 5;
            double signal = COLUMNS[0][i % 3] * noise[from] + COLUMNS[1][i % 3] * noise[from + 1];
            images[i] = (float) (0.5 + signal + SIGMA * noise[from + 2 + i % 3]);
        }
        return images;
    }

    private static double product(double[] column, int image) {
        double sum = 0;
        for (int i = 0; i < 3; i++) {
            sum += column[i] * (IMAGES[3 * image + i] - 0.5);
        }
        return sum;
    }

    private static double square(double[] column) {
        double sum = 0;
        for (double one : column) {
            sum += one * one;
        }
        return sum;
    }

    /** ln of the density of N(0, variance). */
    private static double logNormal(double square, double variance) {
        return -(square / variance + Math.log(2 * Math.PI * variance)) / 2;
    }

    /** The mean log-likelihood: a normal density along W's columns and across them. */
    private static double logLikelihood() {
        double sum = 0;
        for (int image = 0; image < EXAMPLES; image++) {
            double across = 0;
            for (int i = 0; i < 3; i++) {
                across += Math.pow(IMAGES[3 * image + i] - 0.5, 2);
            }
            for (double[] column : COLUMNS) {
                double along = Math.pow(product(column, image), 2) / square(column);
                sum += logNormal(along, square(column) + SIGMA * SIGMA);
                across -= along;
            }
            sum += logNormal(across, SIGMA * SIGMA);
        }
        return sum / EXAMPLES;
    }

    private static double posteriorVariance(double[] column) {
        return 1 / (1 + square(column) / SIGMA / SIGMA);
    }

    /**
     * Returns the posterior's parameters, changed.
     *
     * @param first the first example
     * @param shift is added to the means
     * @param power the log variance returned relative to the posterior's
     */
    private static NDList posterior(
            NDManager manager, int first, int count, double shift, double power) {
        float[] means = new float[2 * count];
        float[] logs = new float[2 * count];
        for (int i = 0; i < means.length; i++) {
            double[] column = COLUMNS[i % 2];
            double variance = posteriorVariance(column);
            double mean = variance * product(column, first + i / 2) / SIGMA / SIGMA;
            means[i] = (float) (mean + shift);
            logs[i] = (float) (power * Math.log(variance));
        }
        Shape shape = new Shape(count, 2);
        return new NDList(manager.create(means, shape), manager.create(logs, shape));
    }

    private static NDArray logits(NDArray latents, NDArray labels) {
        float[] z = latents.toFloatArray();
        float[] decoded = new float[z.length / 2 * 3];
        for (int i = 0; i < decoded.length; i++) {
            int from = i / 3 * 2;
            double mean = 0.5 + COLUMNS[0][i % 3] * z[from] + COLUMNS[1][i % 3] * z[from + 1];
            decoded[i] = (float) Math.log(mean / (1 - mean));
        }
        return latents.getManager().create(decoded, new Shape(z.length / 2, 1, 1, 3));
    }

    private static List<Bound> bounds(
            double shift, double power, boolean published, int batch, int... samples) {
        // the network's scale before its soft limit
        double scale = -6 + Math.log(Math.expm1(Math.log(SIGMA) + 6));
        try (NDManager manager = NDManager.newBaseManager()) {
            EngineTraits.of(manager.getEngine()).disableRecording();
            NDArray logScale = manager.create(new float[] {(float) scale});
            ImportanceBound bound =
                    new ImportanceBound(
                            Likelihood.GAUSSIAN, logScale, published ? 1 : 0.5, 9, samples);
            for (int from = 0; from < EXAMPLES; from += batch) {
                try (NDManager scope = manager.newSubManager()) {
                    int count = Math.min(batch, EXAMPLES - from);
                    float[] images = new float[3 * count];
                    System.arraycopy(IMAGES, 3 * from, images, 0, images.length);
                    bound.add(
                            ImportanceBoundTest::logits,
                            posterior(scope, from, count, shift, power),
                            new Minibatch(
                                    scope.create(images, new Shape(count, 1, 1, 3)),
                                    scope.create(new int[count])));
                }
            }
            return bound.bounds();
        }
    }

    @Test
    void boundIsExactUnderThePosterior() {
        for (Bound bound : bounds(0, 1, false, 250, 1, 7)) {
            assertEquals(logLikelihood(), bound.value(), 1e-4, bound.samples() + " samples");
        }
    }

    @Test
    void boundRisesToTheLikelihood() {
        List<Bound> bounds = bounds(0.6, 0.5, false, 250, 1, 10, 100, 1000);
        double truth = logLikelihood();
        double[] gaps = bounds.stream().mapToDouble(bound -> truth - bound.value()).toArray();
        assertTrue(gaps[0] > 0.4, "gap " + gaps[0]);
        for (int i = 1; i < 3; i++) {
            assertTrue(gaps[i] < gaps[i - 1] / 3, "gaps " + gaps[i - 1] + ", " + gaps[i]);
        }
        assertEquals(0, gaps[3], 0.005);
        Bound last = bounds.get(3);
        assertEquals(1000, last.samples());
        assertTrue(Math.abs(gaps[3]) < last.standardError());
        // the likelihood of an image is a sum of three χ² variables / 2
        assertEquals(Math.sqrt(1.5 / EXAMPLES), last.standardError(), 0.005);
    }

    /**
     * With e^log_variance as the deviation, the right log-variances give a gap, which is the KL
     * divergence between the two normal distributions, and half of them none.
     */
    @Test
    void publishedNetworksSampleWithAnotherDeviation() {
        double truth = logLikelihood();
        assertEquals(truth, bounds(0, 0.5, true, 250, 1).get(0).value(), 1e-4);
        double gap = 0;
        for (double[] column : COLUMNS) {
            double ratio = posteriorVariance(column);
            gap += (ratio - 1 - Math.log(ratio)) / 2;
        }
        double published = bounds(0, 1, true, 250, 1).get(0).value();
        assertTrue(gap > 0.15, "gap " + gap);
        assertEquals(truth - gap, published, 0.06);
    }

    @Test
    void noiseDoesNotDependOnBatches() {
        Bound together = bounds(0.6, 0.5, false, EXAMPLES, 5).get(0);
        Bound apart = bounds(0.6, 0.5, false, 130, 5).get(0);
        assertEquals(together.value(), apart.value(), 1e-6);
        assertEquals(together.standardError(), apart.standardError(), 1e-6);
    }

    @Test
    void bitsPerDimDividesByValuesAndLog2() {
        assertEquals(3, ImportanceBound.bitsPerDim(-784 * 3 * Math.log(2), 784), 1e-12);
    }
}
