package org.djlresnet.block;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.GradientCollector;
import ai.djl.training.ParameterStore;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.engine.Precision;
import org.djlresnet.engine.TorchScript;
import org.djlresnet.graph.Graph;
import org.djlresnet.graph.GraphBuilder;
import org.djlresnet.graph.Window;
import org.djlresnet.model.StateDict;
import org.djlresnet.program.Programs;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Compares a transposed convolution with its definition: input pixel (i, j) adds its value times
 * the kernel around output pixel (stride · i, stride · j).
 */
class TransposedConvolutionTest {

    private static final int EXAMPLES = 2;
    private static final int IN = 3;
    private static final int OUT = 4;
    private static final int HEIGHT = 3;
    private static final int WIDTH = 5;
    private static final double TOLERANCE = 1e-4;

    @BeforeAll
    static void recordInCollectorsOnly() {
        EngineTraits.of(Engine.getInstance()).disableRecording();
    }

    /**
     * Values and gradients of Σ output · factors by definition.
     *
     * @param output (EXAMPLES, OUT, HEIGHT · stride, WIDTH · stride)
     */
    private record Expected(double[] output, double[] inputs, double[] weights, double[] biases) {}

    private static Expected expected(
            float[] x, float[] w, float[] bias, float[] factors, int kernel, int stride) {
        int rows = HEIGHT * stride;
        int columns = WIDTH * stride;
        double[] output = new double[EXAMPLES * OUT * rows * columns];
        double[] biases = new double[OUT];
        for (int at = 0; at < output.length; at++) {
            int channel = at / (rows * columns) % OUT;
            output[at] = bias[channel];
            biases[channel] += factors[at];
        }
        double[] inputs = new double[x.length];
        double[] weights = new double[w.length];
        for (int from = 0; from < x.length; from++) {
            int j = from % WIDTH;
            int i = from / WIDTH % HEIGHT;
            int in = from / (WIDTH * HEIGHT) % IN;
            int n = from / (WIDTH * HEIGHT * IN);
            for (int out = 0; out < OUT; out++) {
                for (int a = 0; a < kernel; a++) {
                    for (int b = 0; b < kernel; b++) {
                        int row = i * stride + a - kernel / 2;
                        int column = j * stride + b - kernel / 2;
                        if (row >= 0 && row < rows && column >= 0 && column < columns) {
                            int by = ((in * OUT + out) * kernel + a) * kernel + b;
                            int to = ((n * OUT + out) * rows + row) * columns + column;
                            output[to] += (double) x[from] * w[by];
                            inputs[from] += (double) w[by] * factors[to];
                            weights[by] += (double) x[from] * factors[to];
                        }
                    }
                }
            }
        }
        return new Expected(output, inputs, weights, biases);
    }

    private static float[] waves(int size, double start) {
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = (float) Math.sin(start + 1.7 * i);
        }
        return values;
    }

    private static NamedChain layer(NDManager manager, int kernel, int stride) {
        NamedChain chain = new NamedChain();
        chain.add("up", new TransposedConvolution(OUT, kernel, stride, true));
        chain.initialize(manager, DataType.FLOAT32, new Shape(1, IN, HEIGHT, WIDTH));
        StateDict.of(chain)
                .forEach(
                        (name, parameter) -> {
                            NDArray array = parameter.getArray();
                            float[] values = waves((int) array.size(), name.length());
                            EngineTraits.of(manager.getEngine())
                                    .assign(array, manager.create(values, array.getShape()));
                        });
        return chain;
    }

    private static void assertClose(double[] expected, NDArray found) {
        double[] values = found.toType(DataType.FLOAT64, true).toDoubleArray();
        assertArrayEquals(expected, values, TOLERANCE);
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "1, 2", "3, 1", "3, 2"})
    @Tag("engine")
    void blockFollowsTheDefinition(int kernel, int stride) {
        try (NDManager manager = NDManager.newBaseManager()) {
            NamedChain layer = layer(manager, kernel, stride);
            Map<String, Parameter> parameters = StateDict.of(layer);
            NDArray weight = parameters.get("up.weight").getArray();
            NDArray bias = parameters.get("up.bias").getArray();
            assertEquals(new Shape(IN, OUT, kernel, kernel), weight.getShape());
            Shape shape = new Shape(EXAMPLES, IN, HEIGHT, WIDTH);
            NDArray x = manager.create(waves((int) shape.size(), 0), shape);
            Shape outputs = new Shape(EXAMPLES, OUT, HEIGHT * stride, WIDTH * stride);
            assertEquals(outputs, layer.getOutputShapes(new Shape[] {shape})[0]);
            NDArray factors = manager.create(waves((int) outputs.size(), 5), outputs);
            Expected expected =
                    expected(
                            x.toFloatArray(),
                            weight.toFloatArray(),
                            bias.toFloatArray(),
                            factors.toFloatArray(),
                            kernel,
                            stride);
            List.of(x, weight, bias).forEach(leaf -> leaf.setRequiresGradient(true));
            try (GradientCollector collector = manager.getEngine().newGradientCollector()) {
                NDArray y =
                        layer.forward(new ParameterStore(manager, false), new NDList(x), true)
                                .singletonOrThrow();
                assertEquals(outputs, y.getShape());
                assertClose(expected.output(), y);
                collector.backward(y.mul(factors).sum());
            }
            assertClose(expected.inputs(), x.getGradient());
            assertClose(expected.weights(), weight.getGradient());
            assertClose(expected.biases(), bias.getGradient());
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "1, 2", "3, 1", "3, 2"})
    void programsFollowTheDefinition(int kernel, int stride) {
        try (NDManager manager = NDManager.newBaseManager()) {
            NamedChain layer = layer(manager, kernel, stride);
            Map<String, Parameter> parameters = StateDict.of(layer);
            List<String> names = List.copyOf(parameters.keySet());
            List<NDArray> tensors = new ArrayList<>();
            parameters.values().forEach(one -> tensors.add(one.getArray().stopGradient()));
            Graph graph = GraphBuilder.describe(layer, parameters);
            Window.Pair size = new Window.Pair(HEIGHT, WIDTH);
            boolean oneDnn = Programs.canUseOneDnn(tensors.get(0), Precision.FLOAT32);
            Shape shape = new Shape(EXAMPLES, IN, HEIGHT, WIDTH);
            NDArray x = manager.create(waves((int) shape.size(), 0), shape);
            Shape outputs = new Shape(EXAMPLES, OUT, HEIGHT * stride, WIDTH * stride);
            NDArray factors = manager.create(waves((int) outputs.size(), 5), outputs);
            Expected expected =
                    expected(
                            x.toFloatArray(),
                            tensors.get(names.indexOf("up.weight")).toFloatArray(),
                            tensors.get(names.indexOf("up.bias")).toFloatArray(),
                            factors.toFloatArray(),
                            kernel,
                            stride);
            String evaluation =
                    Programs.evaluation(graph, size, Precision.FLOAT32, names, oneDnn, false);
            try (TorchScript program = new TorchScript(manager, evaluation)) {
                program.call("prepare", TorchScript.list("q", tensors));
                NDArray found = program.call("evaluate", new NDList(x)).get(0);
                assertEquals(outputs, found.getShape());
                assertClose(expected.output(), found);
            }
            String loss =
                    """
                      def loss(self: __torch__.Program, outputs: List[Tensor], y: Tensor) -> List[Tensor]:
                        return [torch.sum(torch.mul(outputs[0], y))]
                    """;
            String training =
                    Programs.training(
                            graph,
                            size,
                            Precision.FLOAT32,
                            names,
                            names,
                            oneDnn,
                            loss,
                            false,
                            List.of(),
                            Set.of(),
                            null);
            try (TorchScript program = new TorchScript(manager, training)) {
                NDList arguments = new NDList(x, factors);
                arguments.addAll(
                        TorchScript.list(
                                "q", program.call("arrange", TorchScript.list("q", tensors))));
                NDList found = program.call("step", arguments);
                assertClose(expected.output(), found.get(1));
                assertClose(expected.weights(), found.get(2 + names.indexOf("up.weight")));
                assertClose(expected.biases(), found.get(2 + names.indexOf("up.bias")));
            }
        }
    }

    @Test
    @Tag("engine")
    void agreesWithValuesByHand() {
        try (NDManager manager = NDManager.newBaseManager()) {
            TransposedConvolution layer = new TransposedConvolution(1, 3, 2, true);
            layer.initialize(manager, DataType.FLOAT32, new Shape(1, 1, 2, 2));
            EngineTraits traits = EngineTraits.of(manager.getEngine());
            NDArray weight = layer.getDirectParameters().get("weight").getArray();
            traits.assign(weight, manager.arange(1f, 10f).reshape(1, 1, 3, 3));
            NDArray bias = layer.getDirectParameters().get("bias").getArray();
            traits.assign(bias, manager.create(new float[] {0.5f}));
            NDArray x = manager.create(new float[] {1, 2, 3, 4}, new Shape(1, 1, 2, 2));
            float[] expected = {
                5.5f, 14.5f, 10.5f, 12.5f, //
                14.5f, 36.5f, 24.5f, 30.5f, //
                15.5f, 34.5f, 20.5f, 24.5f, //
                24.5f, 55.5f, 32.5f, 36.5f,
            };
            NDArray found =
                    layer.forward(new ParameterStore(manager, false), new NDList(x), false)
                            .singletonOrThrow();
            assertArrayEquals(expected, found.toFloatArray(), 1e-4f);
        }
    }

    @Test
    void rejectsEvenKernels() {
        String message =
                assertThrows(
                                IllegalArgumentException.class,
                                () -> new TransposedConvolution(1, 2, 2, true))
                        .getMessage();
        assertTrue(message.contains("Received: channels=1, kernelSize=2, stride=2."), message);
    }
}
