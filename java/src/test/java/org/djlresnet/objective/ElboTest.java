package org.djlresnet.objective;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.djlresnet.engine.TorchScript;
import org.djlresnet.model.Likelihood;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Compares values with the definitions in double precision, and gradients with their central
 * differences.
 */
class ElboTest {

    private static final Shape IMAGES = new Shape(2, 1, 2, 3);

    /** Two images of six pixels: bytes / 255, the first and the last value among them. */
    private static final float[] PIXELS = bytes(0, 255, 17, 128, 254, 1, 255, 0, 0, 99, 200, 61);

    private static final double[] DECODED = {
        -2.5, 3.1, -1.9, 0.3, 2.2, -4, 1.5, -0.7, -6, 0, 1.1, -0.9
    };
    private static final double[] MEAN = {0.5, -1.2, 0.01, 2, 0.3, -0.02};
    private static final double[] LOGS = {-0.4, 0.3, 0.02, -1.5, -0.1, -0.03};
    private static final double LOG_SCALE = -1.7;
    private static final double WEIGHT = 0.3;

    private static final String GRADIENT =
            """
              def both(self: __torch__.Program, outputs: List[Tensor], x: Tensor, weight: Tensor) -> List[Tensor]:
                _0 = torch.set_grad_enabled(True)
                leaves = annotate(List[Tensor], [])
                for i in range(torch.len(outputs)):
                  _1 = torch.append(leaves, torch.requires_grad_(torch.detach(outputs[i]), True))
                values = (self).loss(leaves, x, weight, )
                gradients = torch.autograd.grad([values[0]], leaves, None, None, False, True)
                for i in range(torch.len(leaves)):
                  gradient = gradients[i]
                  if torch.__isnot__(gradient, None):
                    _2 = torch.append(values, unchecked_cast(Tensor, gradient))
                  else:
                    _3 = torch.append(values, torch.zeros_like(leaves[i]))
                return values
            """;

    private static float[] bytes(int... values) {
        float[] pixels = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            pixels[i] = values[i] / 255f;
        }
        return pixels;
    }

    static Stream<Arguments> cases() {
        return Stream.of(Likelihood.values())
                .flatMap(one -> Stream.of(Arguments.of(one, 0.0), Arguments.of(one, 0.4)));
    }

    /** The outputs, one after another. */
    private static double[] point(Likelihood likelihood) {
        List<double[]> parts = new ArrayList<>(List.of(DECODED, MEAN, LOGS));
        if (likelihood.hasScale()) {
            parts.add(new double[] {LOG_SCALE});
        }
        return parts.stream().flatMapToDouble(java.util.Arrays::stream).toArray();
    }

    private static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    private static double meanSquaredError(double[] point) {
        double sum = 0;
        for (int i = 0; i < 12; i++) {
            sum += Math.pow(sigmoid(point[i]) - PIXELS[i], 2);
        }
        return sum / 12;
    }

    /** The negative log-likelihood of a pixel by its definition. */
    private static double negativeLog(
            Likelihood likelihood, double x, double decoded, double logScale) {
        double mean = sigmoid(decoded);
        double sigma =
                likelihood == Likelihood.GAUSSIAN
                        ? Math.exp(-6 + Math.log1p(Math.exp(logScale + 6)))
                        : Math.exp(Math.max(logScale, -6));
        return switch (likelihood) {
            case BERNOULLI -> -x * Math.log(mean) - (1 - x) * Math.log(1 - mean);
            case GAUSSIAN, OPTIMAL_GAUSSIAN ->
                    -Math.log(
                            Math.exp(-Math.pow((x - mean) / sigma, 2) / 2)
                                    / (sigma * Math.sqrt(2 * Math.PI)));
            case DISCRETIZED_LOGISTIC -> {
                double scale = Math.exp(logScale);
                double upper = x == 1 ? 1 : sigmoid((x + 0.5 / 255 - mean) / scale);
                double lower = x == 0 ? 0 : sigmoid((x - 0.5 / 255 - mean) / scale);
                yield -Math.log(upper - lower);
            }
        };
    }

    /** Loss, ELBO, reconstruction, KL and mean squared error of the batch; means over examples. */
    private static double[] definition(
            Likelihood likelihood, double freeBits, double[] point, double logScale) {
        double reconstruction = 0;
        for (int i = 0; i < 12; i++) {
            reconstruction += negativeLog(likelihood, PIXELS[i], point[i], logScale) / 2;
        }
        double kl = 0;
        double costs = 0;
        for (int d = 0; d < 3; d++) {
            double ofDimension = 0;
            for (int n = 0; n < 2; n++) {
                double mean = point[12 + 3 * n + d];
                double log = point[18 + 3 * n + d];
                ofDimension += (mean * mean + Math.exp(log) - 1 - log) / 2 / 2;
            }
            kl += ofDimension;
            costs += Math.max(freeBits, ofDimension);
        }
        return new double[] {
            reconstruction + WEIGHT * costs,
            -reconstruction - kl,
            reconstruction,
            kl,
            meanSquaredError(point)
        };
    }

    private static double logScale(Likelihood likelihood, double[] point) {
        return switch (likelihood) {
            case BERNOULLI -> 0;
            case OPTIMAL_GAUSSIAN -> Math.log(meanSquaredError(point)) / 2;
            default -> point[24];
        };
    }

    private static double[] gradient(Likelihood likelihood, double freeBits) {
        double[] point = point(likelihood);
        double[] gradient = new double[point.length];
        double constant = logScale(likelihood, point);
        double h = 1e-6;
        for (int i = 0; i < point.length; i++) {
            double[] losses = new double[2];
            for (int side = 0; side < 2; side++) {
                double[] moved = point.clone();
                moved[i] += side == 0 ? -h : h;
                double scale =
                        likelihood == Likelihood.OPTIMAL_GAUSSIAN
                                ? constant
                                : logScale(likelihood, moved);
                losses[side] = definition(likelihood, freeBits, moved, scale)[0];
            }
            gradient[i] = (losses[1] - losses[0]) / (2 * h);
        }
        return gradient;
    }

    private static NDList outputs(NDManager manager, double[] point) {
        float[] values = new float[point.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) point[i];
        }
        NDArray all = manager.create(values);
        NDList outputs =
                new NDList(
                        all.get("0:12").reshape(IMAGES),
                        all.get("12:18").reshape(2, 3),
                        all.get("18:24").reshape(2, 3));
        if (values.length > 24) {
            outputs.add(all.get("24:25"));
        }
        return outputs;
    }

    private static Minibatch batch(NDManager manager) {
        return new Minibatch(
                manager.create(PIXELS, IMAGES),
                manager.create(new int[2]),
                null,
                null,
                null,
                manager.create((float) WEIGHT));
    }

    private static void assertValues(double[] expected, float loss, float[] sums) {
        assertEquals(expected[0], loss, 2e-5);
        for (int i = 1; i < expected.length; i++) {
            assertEquals(2 * expected[i], sums[i - 1], 4e-5, "sum " + i);
        }
    }

    private static void assertGradients(double[] expected, NDList gradients) {
        int next = 0;
        for (NDArray gradient : gradients) {
            for (float value : gradient.toFloatArray()) {
                assertEquals(expected[next], value, 2e-5, "output " + next);
                next++;
            }
        }
        assertEquals(expected.length, next);
    }

    @ParameterizedTest
    @MethodSource("cases")
    @Tag("engine")
    void blocksEqualDefinition(Likelihood likelihood, double freeBits) {
        double[] point = point(likelihood);
        double[] expected = definition(likelihood, freeBits, point, logScale(likelihood, point));
        Elbo elbo = new Elbo(likelihood, freeBits);
        try (NDManager manager = NDManager.newBaseManager()) {
            NDList outputs = outputs(manager, point);
            outputs.forEach(output -> output.setRequiresGradient(true));
            Objective.Value value;
            NDList gradients = new NDList();
            try (GradientCollector collector = manager.getEngine().newGradientCollector()) {
                NDList used = new NDList();
                outputs.forEach(output -> used.add(output.mul(manager.create(1f))));
                value = elbo.apply(used, batch(manager));
                collector.backward(value.loss());
                outputs.forEach(output -> gradients.add(output.getGradient()));
            }
            List<String> names = elbo.metrics().stream().map(Metric::name).skip(1).toList();
            assertEquals(names, List.copyOf(value.sums().keySet()));
            float[] sums = new float[names.size()];
            for (int i = 0; i < sums.length; i++) {
                sums[i] = value.sums().get(names.get(i)).getFloat();
            }
            assertValues(expected, value.loss().getFloat(), sums);
            assertGradients(gradient(likelihood, freeBits), gradients);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void programsEqualDefinition(Likelihood likelihood, double freeBits) {
        double[] point = point(likelihood);
        double[] expected = definition(likelihood, freeBits, point, logScale(likelihood, point));
        try (NDManager manager = NDManager.newBaseManager();
                TorchScript program =
                        new TorchScript(
                                manager, new Elbo(likelihood, freeBits).program() + GRADIENT)) {
            NDList arguments = TorchScript.list("outputs", outputs(manager, point));
            Minibatch batch = batch(manager);
            arguments.add(batch.images());
            arguments.add(batch.klWeight());
            NDList results = program.call("both", arguments);
            float[] sums = new float[4];
            for (int i = 0; i < 4; i++) {
                sums[i] = results.get(1 + i).getFloat();
            }
            assertValues(expected, results.get(0).getFloat(), sums);
            assertGradients(gradient(likelihood, freeBits), results.subNDList(5));
        }
    }

    @Test
    @Tag("engine")
    void deviationIsLimitedSoftly() {
        for (double scale : new double[] {-40, -6, 0, 3}) {
            double sigma = Math.exp(-6 + Math.log1p(Math.exp(scale + 6)));
            double[] costs = costs(Likelihood.GAUSSIAN, scale, new double[] {0}, 0.5f);
            double expected = Math.log(sigma) + Math.log(2 * Math.PI) / 2;
            assertEquals(expected, costs[0], 1e-5, "scale " + scale);
            costs = costs(Likelihood.OPTIMAL_GAUSSIAN, scale, new double[] {0}, 0.5f);
            expected = Math.max(scale, -6) + Math.log(2 * Math.PI) / 2;
            assertEquals(expected, costs[0], 1e-5, "scale " + scale);
        }
    }

    @Test
    @Tag("engine")
    void probabilitiesOfBytesSumToOne() {
        float[] values = new float[256];
        double[] decoded = new double[256];
        for (int i = 0; i < 256; i++) {
            values[i] = i / 255f;
            decoded[i] = 1.3;
        }
        for (double scale : new double[] {-7, -3, 1, 4}) {
            double sum = 0;
            for (double cost : costs(Likelihood.DISCRETIZED_LOGISTIC, scale, decoded, values)) {
                sum += Math.exp(-cost);
            }
            assertEquals(1, sum, 1e-4, "scale " + scale);
        }
    }

    /** There the difference of two sigmoids is 0 in double precision. */
    @Test
    @Tag("engine")
    void improbableBytesHaveFiniteCosts() {
        double scale = Math.log(0.01);
        double[] costs =
                costs(Likelihood.DISCRETIZED_LOGISTIC, scale, new double[] {-40, 40}, 0.6f, 0.2f);
        double bin = -Math.log(-Math.expm1(-1 / 2.55));
        assertEquals((0.6 - 0.5 / 255) / 0.01 + bin, costs[0], 1e-4);
        assertEquals((0.8 - 0.5 / 255) / 0.01 + bin, costs[1], 1e-4);
    }

    /** Returns the costs of images of one pixel. */
    private static double[] costs(
            Likelihood likelihood, double scale, double[] decoded, float... pixels) {
        try (NDManager manager = NDManager.newBaseManager()) {
            float[] values = new float[decoded.length];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) decoded[i];
            }
            Shape shape = new Shape(values.length, 1, 1, 1);
            float[] costs =
                    PixelLikelihood.of(likelihood)
                            .negativeLog(
                                    manager.create(values, shape),
                                    manager.create(pixels, shape),
                                    manager.create(new float[] {(float) scale}))
                            .toFloatArray();
            double[] asDoubles = new double[costs.length];
            for (int i = 0; i < costs.length; i++) {
                asDoubles[i] = costs[i];
            }
            return asDoubles;
        }
    }

    /** n/2 (1 + ln 2π mse), the smallest cost of any deviation. */
    @Test
    void optimalDeviationCostsLeast() {
        double[] point = point(Likelihood.OPTIMAL_GAUSSIAN);
        double best = 12 / 2.0 * (1 + Math.log(2 * Math.PI * meanSquaredError(point)));
        try (NDManager manager = NDManager.newBaseManager()) {
            Map<String, NDArray> sums =
                    new Elbo(Likelihood.OPTIMAL_GAUSSIAN, 0)
                            .apply(outputs(manager, point), batch(manager))
                            .sums();
            assertEquals(best, sums.get(Elbo.RECONSTRUCTION).getFloat(), 2e-5);
        }
    }

    /** Its mean squared error is 0, and the deviation e^-6. */
    @Test
    @Tag("engine")
    void perfectImagesHaveAFiniteLoss() {
        try (NDManager manager = NDManager.newBaseManager()) {
            NDList outputs = outputs(manager, point(Likelihood.OPTIMAL_GAUSSIAN));
            NDArray decoded = manager.zeros(IMAGES);
            NDArray images = manager.full(IMAGES, 0.5f);
            Minibatch batch =
                    new Minibatch(
                            images,
                            manager.create(new int[2]),
                            null,
                            null,
                            null,
                            manager.create(0f));
            outputs.set(0, decoded);
            float loss =
                    new Elbo(Likelihood.OPTIMAL_GAUSSIAN, 0)
                            .apply(outputs, batch)
                            .loss()
                            .getFloat();
            assertEquals(6 * (-6 + Math.log(2 * Math.PI) / 2), loss, 1e-4);
        }
    }

    @Test
    void elboSelectsAndIsMonitored() {
        Elbo elbo = new Elbo(Likelihood.BERNOULLI, 0);
        assertEquals(
                List.of("loss", "elbo", "reconstruction", "kl", "mse"),
                elbo.metrics().stream().map(Metric::name).toList());
        assertEquals(new Metric("elbo", true), elbo.selection());
        assertEquals(new Metric("elbo", true), elbo.plateau());
        boolean[] higher = new boolean[5];
        for (int i = 0; i < 5; i++) {
            higher[i] = elbo.metrics().get(i).higherIsBetter();
        }
        assertArrayEquals(new boolean[] {false, true, false, false, false}, higher);
    }
}
