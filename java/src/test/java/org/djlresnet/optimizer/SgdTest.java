package org.djlresnet.optimizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.GradientCollector;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.QuadrantImages;
import org.djlresnet.engine.EngineTraits;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Compares three steps on each kind of parameter with the same steps in plain Java. */
@Tag("engine")
class SgdTest {

    private static final float[] START = {0.5f, -2, 3, 0.125f, 0, -1};
    private static final double[] RATES = {0.1, 0.02, 0.3};

    private final NDManager manager = NDManager.newBaseManager();
    private final Map<String, Parameter> parameters = new LinkedHashMap<>();

    @BeforeEach
    void makeParameters() {
        EngineTraits.of(manager.getEngine()).disableRecording();
        add("conv1.weight", Parameter.Type.WEIGHT, true);
        add("conv1.bias", Parameter.Type.BIAS, true);
        add("bn1.weight", Parameter.Type.GAMMA, true);
        add("bn1.bias", Parameter.Type.BETA, true);
        add("bn1.running_mean", Parameter.Type.RUNNING_MEAN, false);
        add("frozen.weight", Parameter.Type.WEIGHT, false);
    }

    @AfterEach
    void close() {
        manager.close();
    }

    private void add(String name, Parameter.Type type, boolean trained) {
        Parameter parameter =
                Parameter.builder()
                        .setName(name)
                        .setType(type)
                        .optRequiresGrad(trained)
                        .optShape(new Shape(2, 3))
                        .optInitializer((m, shape, dataType) -> m.create(START, shape))
                        .build();
        parameter.initialize(manager, DataType.FLOAT32);
        parameters.put(name, parameter);
    }

    /** The loss of a step is the sum of p² + slope · p over all trained parameters. */
    private static double slope(int step) {
        return step - 0.5;
    }

    private void backward(int step) {
        try (NDManager temporary = manager.newSubManager();
                GradientCollector collector = manager.getEngine().newGradientCollector()) {
            // an array: DJL frees the memory of a number before the backward pass reads it
            NDArray slope = temporary.create((float) slope(step));
            NDArray loss = temporary.zeros(new Shape());
            for (Parameter parameter : parameters.values()) {
                if (parameter.requiresGradient()) {
                    NDArray p = temporary.zeros(new Shape(2, 3)).add(parameter.getArray());
                    loss = loss.add(p.mul(p).add(p.mul(slope)).sum());
                }
            }
            collector.backward(loss);
        }
    }

    private Optimizer create(String settings) {
        return Optimizers.create(QuadrantImages.recipe(settings), parameters, manager, Map.of());
    }

    private void step(Optimizer optimizer, double lr) {
        try (Gradients gradients = Gradients.collect(parameters, manager.getEngine())) {
            optimizer.step(gradients.byName(), lr);
        }
    }

    private Map<String, float[]> train(String settings) {
        Map<String, float[]> momenta = new LinkedHashMap<>();
        try (Optimizer sgd = create(settings)) {
            for (int step = 0; step < RATES.length; step++) {
                backward(step);
                step(sgd, RATES[step]);
            }
            sgd.state().forEach((name, array) -> momenta.put(name, array.toFloatArray()));
        }
        return momenta;
    }

    /** Returns the new values, then the momentum buffer, as torch.optim.SGD computes them. */
    private static double[][] expected(double momentum, boolean nesterov, double decay) {
        double[][] result = new double[2][START.length];
        for (int i = 0; i < START.length; i++) {
            double p = START[i];
            double v = 0;
            for (int step = 0; step < RATES.length; step++) {
                double g = 2 * p + slope(step) + decay * p;
                v = step == 0 ? g : momentum * v + g;
                p -= RATES[step] * (nesterov ? g + momentum * v : v);
            }
            result[0][i] = p;
            result[1][i] = v;
        }
        return result;
    }

    private void assertValues(String name, double[] expected) {
        float[] values = parameters.get(name).getArray().toFloatArray();
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], values[i], 1e-5, name + " " + i);
        }
    }

    private void assertUntrainedStay() {
        for (String name : List.of("bn1.running_mean", "frozen.weight")) {
            assertArrayEquals(START, parameters.get(name).getArray().toFloatArray(), name);
        }
    }

    @Test
    void plain() {
        assertTrue(train("{}").isEmpty());
        double[] expected = expected(0, false, 0)[0];
        for (String name : List.of("conv1.weight", "conv1.bias", "bn1.weight", "bn1.bias")) {
            assertValues(name, expected);
        }
        assertUntrainedStay();
    }

    @Test
    void momentumIsIndependentOfTheLearningRate() {
        Map<String, float[]> momenta = train("{'momentum': 0.9}");
        double[][] expected = expected(0.9, false, 0);
        assertValues("conv1.weight", expected[0]);
        assertValues("bn1.bias", expected[0]);
        assertUntrainedStay();
        assertEquals(
                List.of(
                        "momentum/conv1.weight",
                        "momentum/conv1.bias",
                        "momentum/bn1.weight",
                        "momentum/bn1.bias"),
                List.copyOf(momenta.keySet()));
        for (int i = 0; i < START.length; i++) {
            assertEquals(expected[1][i], momenta.get("momentum/conv1.weight")[i], 1e-4);
        }
    }

    @Test
    void nesterov() {
        train("{'momentum': 0.9, 'nesterov': true}");
        double[] expected = expected(0.9, true, 0)[0];
        assertValues("conv1.weight", expected);
        assertValues("conv1.bias", expected);
    }

    @Test
    void weightDecaySkipsBiasesAndBatchNorm() {
        train("{'weight_decay': 0.25}");
        assertValues("conv1.weight", expected(0, false, 0.25)[0]);
        for (String name : List.of("conv1.bias", "bn1.weight", "bn1.bias")) {
            assertValues(name, expected(0, false, 0)[0]);
        }
        assertUntrainedStay();
    }

    @Test
    void weightDecayOfAllParametersOnRequest() {
        train("{'weight_decay': 0.25, 'decay_bias_and_norm': true}");
        for (String name : List.of("conv1.weight", "conv1.bias", "bn1.weight", "bn1.bias")) {
            assertValues(name, expected(0, false, 0.25)[0]);
        }
        assertUntrainedStay();
    }

    @Test
    void allOptionsTogether() {
        train("{'momentum': 0.5, 'nesterov': true, 'weight_decay': 0.1}");
        assertValues("conv1.weight", expected(0.5, true, 0.1)[0]);
        assertValues("bn1.weight", expected(0.5, true, 0)[0]);
    }

    @Test
    void stepsDiscardEarlierGradients() {
        // with a learning rate of 0 the parameters stay the same, so the gradients must, too
        try (Optimizer sgd = create("{}")) {
            for (int step = 0; step < 3; step++) {
                backward(1);
                try (NDArray gradient = parameters.get("conv1.weight").getArray().getGradient()) {
                    assertArrayEquals(
                            new float[] {1.5f, -3.5f, 6.5f, 0.75f, 0.5f, -1.5f},
                            gradient.toFloatArray(),
                            1e-6f);
                }
                step(sgd, 0);
            }
        }
    }

    @Test
    void stepsLeakNoArrays() {
        try (Optimizer sgd = create("{'momentum': 0.9}")) {
            backward(0);
            step(sgd, 0.1);
            int before = manager.getManagedArrays().size();
            for (int step = 0; step < 5; step++) {
                backward(step);
                step(sgd, 0.1);
            }
            assertEquals(before, manager.getManagedArrays().size());
        }
        // closing the optimizer freed the momentum buffers
        assertEquals(parameters.size(), manager.getManagedArrays().size());
    }
}
