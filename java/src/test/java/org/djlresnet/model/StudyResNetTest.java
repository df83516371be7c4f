package org.djlresnet.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.training.GradientCollector;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.graph.GraphBuilder;
import org.djlresnet.graph.Operation.BatchNorm;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Checks what the study says of its networks, except for their architecture. */
@Tag("engine")
class StudyResNetTest {

    @BeforeAll
    static void recordInCollectorsOnly() {
        EngineTraits.of(Engine.getInstance()).disableRecording();
    }

    private static Network network(String name, int classes) {
        return Network.create(name, 3, Classes.numbered(classes).names(), 5, Device.cpu());
    }

    private static void assertHeNormal(NDArray weight, int fanIn) {
        float[] values = weight.toFloatArray();
        double sum = 0;
        double squares = 0;
        for (float value : values) {
            sum += value;
            squares += (double) value * value;
        }
        double mean = sum / values.length;
        double deviation = Math.sqrt(squares / values.length - mean * mean);
        double expected = Math.sqrt(2.0 / fanIn);
        // at least 36,864 draws: the bounds are at least five standard errors
        assertEquals(expected, deviation, 0.03 * expected);
        assertEquals(0, mean, 5 * expected / Math.sqrt(values.length));
    }

    @ParameterizedTest
    @ValueSource(strings = {"study-resnet20", "study-plain20"})
    void initialWeightsAreHeNormalAndBiasesZero(String name) {
        // many classes, for a last layer of many values
        try (Network network = network(name, 1000)) {
            Map<String, NDArray> state = network.stateDict();
            assertEquals(new Shape(64, 64, 3, 3), state.get("layer3.1.conv1.weight").getShape());
            assertHeNormal(state.get("layer3.1.conv1.weight"), 64 * 9);
            assertEquals(new Shape(1000, 64), state.get("fc.weight").getShape());
            assertHeNormal(state.get("fc.weight"), 64);
            List<String> biases =
                    state.keySet().stream().filter(tensor -> tensor.endsWith(".bias")).toList();
            // 19 batch normalizations and the last layer
            assertEquals(20, biases.size());
            for (String bias : biases) {
                float[] values = state.get(bias).toFloatArray();
                assertArrayEquals(new float[values.length], values, bias);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"study-resnet20", "study-plain20", "study-resnet56", "study-plain56"})
    void epsilonIs1e5(String name) {
        Block block = Models.get(name).build(10);
        List<Double> epsilons =
                GraphBuilder.describe(block, StateDict.of(block)).operations().stream()
                        .filter(BatchNorm.class::isInstance)
                        .map(norm -> ((BatchNorm) norm).epsilon())
                        .toList();
        assertEquals(name.endsWith("20") ? 19 : 55, epsilons.size());
        epsilons.forEach(epsilon -> assertEquals(1e-5, epsilon, 1e-12));
    }

    /** Returns the running means after a training step that started with equal ones. */
    private static Map<String, float[]> step(Network network, float before, float[] images) {
        try (NDManager manager = network.manager().newSubManager()) {
            Map<String, NDArray> state = new LinkedHashMap<>(network.stateDict());
            state.replaceAll(
                    (name, array) ->
                            name.endsWith("running_mean") ? array.onesLike().mul(before) : array);
            // output channel c is c + 1 times the input channel c mod 3
            float[] stem = new float[16 * 3 * 3 * 3];
            for (int channel = 0; channel < 16; channel++) {
                stem[channel * 27 + channel % 3 * 9 + 4] = channel + 1;
            }
            state.put("conv1.weight", manager.create(stem, new Shape(16, 3, 3, 3)));
            network.loadStateDict(state);
            NDArray input = manager.create(images, new Shape(2, 3, 8, 8));
            try (GradientCollector collector =
                    network.manager().getEngine().newGradientCollector()) {
                collector.backward(network.forward(input, true).sum());
            }
            Map<String, float[]> means = new LinkedHashMap<>();
            network.stateDict()
                    .forEach(
                            (name, array) -> {
                                if (name.endsWith("running_mean")) {
                                    means.put(name, array.toFloatArray());
                                }
                            });
            return means;
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"study-resnet20", "study-plain20"})
    void runningMeansHaveMomentumOneTenth(String name) {
        float[] images = new float[2 * 3 * 8 * 8];
        double[] means = new double[3];
        for (int i = 0; i < images.length; i++) {
            images[i] = i % 13 / 8f + i / 64 % 3;
            means[i / 64 % 3] += images[i] / 128.0;
        }
        try (Network network = network(name, 10)) {
            Map<String, float[]> from0 = step(network, 0, images);
            Map<String, float[]> from7 = step(network, 7, images);
            for (int channel = 0; channel < 16; channel++) {
                double batch = (channel + 1) * means[channel % 3];
                assertEquals(0.9 * batch, from0.get("bn1.running_mean")[channel], 1e-4);
            }
            // a tenth of the old mean is kept, by each batch normalization
            assertEquals(19, from0.size());
            from0.forEach(
                    (tensor, values) -> {
                        for (int i = 0; i < values.length; i++) {
                            assertEquals(0.7, from7.get(tensor)[i] - values[i], 1e-3, tensor);
                        }
                    });
        }
    }
}
