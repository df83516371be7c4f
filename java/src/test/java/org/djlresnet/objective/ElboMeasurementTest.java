package org.djlresnet.objective;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.List;
import java.util.Map;
import org.djlresnet.data.GaussianNoise;
import org.djlresnet.model.Likelihood;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class ElboMeasurementTest {

    private static final double LOG2 = Math.log(2);
    private static final double LOG2PI = Math.log(2 * Math.PI);

    /** Adds an image of two white pixels with the logits 0, whose cross-entropy is 2 ln 2. */
    private static void add(ElboMeasurement measurement, float[] mean, float[] logs, float... s) {
        try (NDManager manager = NDManager.newBaseManager()) {
            int count = mean.length / 2;
            Shape shape = new Shape(count, 1, 1, 2);
            NDList outputs =
                    new NDList(
                            manager.zeros(shape),
                            manager.create(mean, new Shape(count, 2)),
                            manager.create(logs, new Shape(count, 2)));
            if (s.length > 0) {
                outputs.add(manager.create(s));
            }
            NDArray images = manager.ones(shape);
            measurement.add(outputs, new Minibatch(images, manager.create(new int[count])));
        }
    }

    @Test
    @Tag("engine")
    void metricsAreMeansOverBatches() {
        ElboMeasurement measurement = new Elbo(Likelihood.BERNOULLI, 3).measurement();
        add(measurement, new float[] {1, 0, 0, 0}, new float[4]);
        add(measurement, new float[] {2, 0.1f}, new float[] {(float) LOG2, 0});
        // KL of the three: 1/2, 0, (4 + 2 − 1 − ln 2 + 0.01) / 2
        double[] kl = {0.5, 0, (5.01 - LOG2) / 2};
        double mean = (kl[0] + kl[1] + kl[2]) / 3;
        Map<String, Double> metrics = measurement.metrics();
        assertEquals(
                List.of("loss", "elbo", "reconstruction", "kl", "mse"),
                List.copyOf(metrics.keySet()));
        assertEquals(3, measurement.examples());
        assertEquals(2 * LOG2, metrics.get("reconstruction"), 1e-6);
        assertEquals(mean, metrics.get("kl"), 1e-6);
        assertEquals(2 * LOG2 + mean, metrics.get("loss"), 1e-6);
        assertEquals(-2 * LOG2 - mean, metrics.get("elbo"), 1e-6);
        assertEquals(0.25, metrics.get("mse"), 1e-6);
        double squares = 0;
        for (double one : kl) {
            squares += (one - mean) * (one - mean);
        }
        assertEquals(Math.sqrt(squares / 2 / 3), measurement.elboError(), 1e-6);
        // variances of 1, 0, 2 and of 0, 0, 0.1
        assertArrayEquals(new double[] {1, 0.01 / 3}, measurement.meanVariances(), 1e-8);
        assertEquals(1, measurement.activeUnits());
    }

    @Test
    @Tag("engine")
    void optimalGaussianIsMeasuredWithTheNetworksDeviation() {
        ElboMeasurement measurement = new Elbo(Likelihood.OPTIMAL_GAUSSIAN, 0).measurement();
        add(measurement, new float[2], new float[2], 1);
        double sigma = Math.E;
        double expected = 2 * (0.125 / sigma / sigma + Math.log(sigma) + LOG2PI / 2);
        assertEquals(expected, measurement.metrics().get("reconstruction"), 1e-5);
    }

    /** e^log_variance is the deviation 3/2, and the variance of the KL divergence 3/2. */
    @Test
    void publishedNetworksHaveAnotherDivergenceThanTheyReport() {
        ElboMeasurement measurement = new ElboMeasurement(Likelihood.BERNOULLI, 1);
        add(measurement, new float[2], new float[] {(float) Math.log(1.5), 0});
        add(measurement, new float[2], new float[2]);
        assertEquals((0.5 - Math.log(1.5)) / 2 / 2, measurement.metrics().get("kl"), 1e-6);
        double drawn = (1.25 - Math.log(2.25)) / 2;
        assertEquals(drawn / 2, measurement.samplingKl(), 1e-6);
        // of two values, half of their difference
        assertEquals(drawn / 2, measurement.elboError(), 1e-6);
    }

    /** The mean of ln q(z) − ln p(z) over samples z of q. */
    @Test
    void klEqualsItsMonteCarloEstimate() {
        double[] mean = {0.7, -0.2};
        double[] logs = {-1.1, 0.4};
        int n = 50_000;
        float[] noise = new float[2 * n];
        GaussianNoise.fill(noise, 4, 0, 0, n, 2);
        double sum = 0;
        double squares = 0;
        for (int i = 0; i < n; i++) {
            double ratio = 0;
            for (int d = 0; d < 2; d++) {
                double z = mean[d] + Math.exp(logs[d] / 2) * noise[2 * i + d];
                double q = -Math.pow(z - mean[d], 2) / 2 / Math.exp(logs[d]) - logs[d] / 2;
                ratio += q + z * z / 2;
            }
            sum += ratio;
            squares += ratio * ratio;
        }
        double estimate = sum / n;
        double error = Math.sqrt((squares / n - estimate * estimate) / n);
        ElboMeasurement measurement = new ElboMeasurement(Likelihood.BERNOULLI);
        add(measurement, new float[] {0.7f, -0.2f}, new float[] {-1.1f, 0.4f});
        assertEquals(estimate, measurement.metrics().get("kl"), 5 * error);
    }
}
