package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.djlresnet.QuadrantImages;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.image.RawImage;
import org.djlresnet.model.Network;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Follows one bias through updates whose gradients are known, and compares accumulation with large
 * batches.
 */
@Timeout(120)
class WeightUpdatesTest extends ResumeFixture {

    private static final String BIAS = "fc.bias";

    /** Performs steps of 1, 2, 3 … with a rate of 1; returns the bias after each. */
    private static List<Double> biases(String settings, int steps, int perEpoch) {
        Recipe recipe = QuadrantImages.recipe(settings);
        List<Double> biases = new ArrayList<>();
        UpdatePlan plan = new UpdatePlan(perEpoch, perEpoch * 8L, 8, recipe.accumulate());
        try (Network network = network(recipe);
                WeightUpdates all =
                        new WeightUpdates(
                                recipe,
                                network,
                                plan,
                                gradients -> {},
                                new GradientLog(null, recipe, network, 1),
                                Map.of())) {
            EngineTraits.of(network.manager().getEngine()).disableRecording();
            for (int step = 0; step < steps; step++) {
                try (NDManager scope = network.manager().newSubManager()) {
                    all.add(gradients(network, -(step + 1), scope), 8, step, 1, 1);
                }
                biases.add((double) value(network.stateDict()));
                if (!all.averaged().isEmpty()) {
                    biases.add((double) value(all.averaged()));
                }
                if ((step + 1) % perEpoch == 0) {
                    all.endEpoch();
                }
            }
        }
        return biases;
    }

    /** Gradients that are 0 except for the bias. */
    private static Map<String, NDArray> gradients(Network network, float bias, NDManager scope) {
        Map<String, NDArray> gradients = new LinkedHashMap<>();
        network.parameters()
                .forEach(
                        (name, parameter) -> {
                            if (parameter.requiresGradient()) {
                                NDArray zeros = EngineTraits.zerosInOrderOf(parameter.getArray());
                                zeros.attach(scope);
                                gradients.put(name, name.equals(BIAS) ? zeros.addi(bias) : zeros);
                            }
                        });
        return gradients;
    }

    private static float value(Map<String, NDArray> state) {
        return state.get(BIAS).toFloatArray()[0];
    }

    private static void assertNumbers(List<Double> actual, double... expected) {
        assertEquals(expected.length, actual.size(), actual.toString());
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], actual.get(i), 1e-5, i + " of " + actual);
        }
    }

    @Test
    void lookaheadMovesSlowWeightsByAlpha() {
        // fast 1, 3: slow 0 + (3 - 0)/4; fast .75 + 3 = 3.75, 7.75: slow .75 + 7/4; 2.5 + 5
        assertNumbers(
                biases("{'model': 'cifar-resnet20', 'lookahead': '2:0.25'}", 5, 5),
                1,
                0.75,
                3.75,
                2.5,
                7.5);
    }

    @Test
    void lookaheadEndsAnEpochWithTheSlowWeights() {
        // slow 0 + (6 - 0)/2 after update 3; fast 3 + 4 = 7 ends the epoch with 3 + (7 - 3)/2
        assertNumbers(
                biases("{'model': 'cifar-resnet20', 'lookahead': '3:0.5'}", 5, 4),
                1,
                3,
                3,
                7,
                5 + 5);
    }

    @Test
    void airbenchsLookaheadTrainsOnWithTheFastWeightsAndEndsWithTheSlowOnes() {
        // slow weights begin after update 5 as 15; update 9 adds to 36, the end of the second epoch
        double stay = Math.pow(0.95, 5) * Math.pow(10 / 12.0, 3);
        double slow = stay * 15 + (1 - stay) * 55;
        assertNumbers(
                biases(
                        "{'model': 'cifar-resnet20', 'epochs': 3, 'lookahead': 'airbench:1'}",
                        12,
                        4),
                1,
                3,
                6,
                10,
                15,
                21,
                28,
                36,
                45,
                slow,
                slow + 11,
                slow);
    }

    @Test
    void airbenchsSlowWeightsBeginAsTheInitialOnes() {
        // 6 updates, so the last one is lost
        double stay = Math.pow(0.95, 5) * Math.pow(5 / 6.0, 3);
        assertNumbers(
                biases("{'model': 'cifar-resnet20', 'epochs': 1, 'lookahead': 'airbench:0'}", 6, 6),
                1,
                3,
                6,
                10,
                (1 - stay) * 15,
                (1 - stay) * 15);
    }

    @Test
    void airbenchsLookaheadGrowsStiffer() {
        // 4 epochs of 5 updates; the slow weights begin after update 10 as the weights, 55
        List<Double> biases =
                biases(
                        "{'model': 'cifar-resnet20', 'epochs': 4, 'lookahead': 'airbench:1'}",
                        20,
                        5);
        assertEquals(55, biases.get(9), 1e-4);
        double slow = 55;
        double stay = Math.pow(0.95, 5) * Math.pow(15 / 20.0, 3);
        slow = stay * slow + (1 - stay) * (slow + 11 + 12 + 13 + 14 + 15);
        assertEquals(slow, biases.get(14), 1e-4);
        stay = Math.pow(0.95, 5);
        slow = stay * slow + (1 - stay) * (slow + 16 + 17 + 18 + 19 + 20);
        assertEquals(slow, biases.get(19), 1e-4);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "'ema_decay': 0.9 | 0",
                "'lookahead': '5:0.5' | 0",
                "'swa_epochs': 2 | 1",
                "'lookahead': 'airbench:1' | 1",
                "'swa_epochs': 2, 'lookahead': 'airbench:1' | 2"
            })
    void copiesThatBeginLaterAreCounted(String settings, int expected) {
        Recipe recipe =
                QuadrantImages.recipe("{'model': 'cifar-resnet20', 'epochs': 4, " + settings + "}");
        try (Network network = network(recipe);
                WeightUpdates updates =
                        new WeightUpdates(
                                recipe,
                                network,
                                new UpdatePlan(5, 40, 8, 1),
                                gradients -> {},
                                new GradientLog(null, recipe, network, 1),
                                Map.of())) {
            assertEquals(expected, updates.copiesToCome());
        }
    }

    @Test
    void movingAverageFollowsWithWarmUp() {
        // decays 2/11, 3/12, then 0.3 where the warm-up has 4/13
        double first = 9 / 11.0;
        double second = 0.25 * first + 0.75 * 3;
        assertNumbers(
                biases("{'model': 'cifar-resnet20', 'ema_decay': 0.3}", 3, 5),
                1,
                first,
                3,
                second,
                6,
                0.3 * second + 0.7 * 6);
    }

    /** The gradient has the same value for each of the 4 biases, so its norm is twice the value. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "'clip_norm': 4 | 1, 3, 5, 7",
                // means of 1 and 2, and of 3 and 4
                "'clip_norm': 3.6, 'accumulate': 2 | 0, 1.5, 1.5, 3.3"
            })
    void gradientsOfAnUpdateAreClipped(String settings, String expected) {
        assertNumbers(
                biases("{'model': 'cifar-resnet20', " + settings + "}", 4, 4),
                Stream.of(expected.split(", ")).mapToDouble(Double::parseDouble).toArray());
    }

    private static final String SWA =
            "{'model': 'cifar-resnet20', 'epochs': 4, 'batch_size': 12, 'momentum': 0.9, 'lr': 0.02,"
                    + " 'keep': 4, 'swa_epochs': 3}";

    @Test
    void swaIsTheMeanOfTheLastEpochs() {
        Path folder = whole(SWA);
        Map<String, float[]> mean = new LinkedHashMap<>();
        for (int epoch = 1; epoch <= 4; epoch++) {
            Path file = folder.resolve("epoch-000" + epoch + ".safetensors");
            assertEquals(epoch > 1, tensors(file).containsKey(Checkpoint.AVERAGE + "fc.weight"));
            if (epoch > 1) {
                weights(file, false)
                        .forEach(
                                (name, values) -> mean.merge(name, values, WeightUpdatesTest::sum));
            }
        }
        Map<String, float[]> average = weights(folder.resolve("last.safetensors"), true);
        for (String name : mean.keySet()) {
            float[] expected = mean.get(name).clone();
            for (int i = 0; i < expected.length; i++) {
                expected[i] /= 3;
            }
            if (!name.contains("running")) {
                assertArrayEquals(expected, average.get(name), 1e-5f, name);
            }
        }
        // statistics are those of the average: here the mean of the first convolution's output
        float[] kernels = average.get("conv1.weight");
        double[] shifted = meanOfShiftedImages();
        float[] expected = new float[kernels.length / shifted.length];
        for (int i = 0; i < kernels.length; i++) {
            expected[i / shifted.length] += (float) (kernels[i] * shifted[i % shifted.length]);
        }
        assertArrayEquals(expected, average.get("bn1.running_mean"), 1e-5f);
    }

    /** Returns the mean of all training images under each element of a 3×3 kernel, padded by 1. */
    private double[] meanOfShiftedImages() {
        int side = 8;
        double[] sums = new double[9];
        RawImage image = new RawImage();
        for (int index = 0; index < train.size(); index++) {
            train.read(index, image);
            for (int i = 0; i < 9 * side * side; i++) {
                int tap = i / (side * side);
                int y = i / side % side + tap / 3 - 1;
                int x = i % side + tap % 3 - 1;
                if (y >= 0 && y < side && x >= 0 && x < side) {
                    sums[tap] += (image.bytes()[y * side + x] & 0xff) / 255.0;
                }
            }
        }
        return Arrays.stream(sums).map(sum -> sum / train.size() / side / side).toArray();
    }

    private static float[] sum(float[] a, float[] b) {
        float[] sum = a.clone();
        for (int i = 0; i < sum.length; i++) {
            sum[i] += b[i];
        }
        return sum;
    }

    private static Map<String, float[]> weights(Path file, boolean averaged) {
        Map<String, float[]> weights = new LinkedHashMap<>();
        try (Checkpoint checkpoint = Checkpoint.open(file);
                Network network = checkpoint.network(Device.cpu(), averaged)) {
            network.stateDict().forEach((name, array) -> weights.put(name, array.toFloatArray()));
        }
        return weights;
    }

    @Test
    void runEndsWithTheAverage() {
        String recipe = SWA.replace("'swa_epochs': 3", "'ema_decay': 0.9");
        TrainingRun run = prepare(recipe, dir.resolve("whole"));
        run.trainer().run();
        Map<String, float[]> average =
                weights(dir.resolve("whole").resolve("last.safetensors"), true);
        run.network()
                .stateDict()
                .forEach(
                        (name, array) ->
                                assertArrayEquals(average.get(name), array.toFloatArray(), name));
        List<EpochRow> rows = run.trainer().progress().rows();
        assertTrue(rows.get(3).metrics().containsKey("test_average_accuracy"));
        assertEquals("test_average_accuracy", run.trainer().selection().column());
        run.network().close();
    }

    /** With frozen batch normalization no batch influences another's gradients. */
    private static final String FROZEN_NORM =
            "{'model': 'cifar-resnet20', 'epochs': 2, 'momentum': 0.9, 'lr': 0.002, 'freeze':"
                    + " 'norm', 'drop_last': false, 'schedule': 'cosine', ";

    @Test
    void accumulationEqualsLargeBatches() {
        // 36 images: the second update has batches of 8 and 4
        Map<String, float[]> large = trained(FROZEN_NORM + "'batch_size': 24}");
        Map<String, float[]> small = trained(FROZEN_NORM + "'batch_size': 8, 'accumulate': 3}");
        large.forEach((name, values) -> assertArrayEquals(values, small.get(name), 1e-6f, name));
    }

    private Map<String, float[]> trained(String recipe) {
        TrainingRun run = prepare(recipe, null);
        run.trainer().run();
        Map<String, float[]> weights = new LinkedHashMap<>();
        run.network().stateDict().forEach((name, array) -> weights.put(name, array.toFloatArray()));
        run.network().close();
        return weights;
    }
}
