package org.djlresnet.block;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.MalformedModelException;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.GradientCollector;
import ai.djl.training.ParameterStore;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.StateDict;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("engine")
class ResidualTest {

    private static final float STEP = 1e-2f;

    @BeforeAll
    static void recordInCollectorsOnly() {
        EngineTraits.of(Engine.getInstance()).disableRecording();
    }

    @Test
    void identityShortcutKeepsTheShape() {
        Shape[] output = new Residual(3, false, 1).getOutputShapes(shapes(4, 3, 6, 6));
        assertEquals(new Shape(4, 3, 6, 6), output[0]);
    }

    @Test
    void strideTwoHalvesTheMapOnce() {
        Residual block = new Residual(6, true, new Shape(2, 2));
        assertEquals(new Shape(4, 6, 3, 3), block.getOutputShapes(shapes(4, 3, 6, 6))[0]);
    }

    @Test
    void inferredShapeEqualsOutputShape() {
        for (int size : new int[] {1, 2, 5, 6, 7}) {
            try (NDManager manager = NDManager.newBaseManager()) {
                Residual block = new Residual(6, true, 2);
                block.initialize(manager, DataType.FLOAT32, new Shape(2, 3, size, size));
                NDArray x = manager.ones(new Shape(2, 3, size, size));
                assertEquals(
                        forward(block, x, false).getShape(),
                        block.getOutputShapes(shapes(2, 3, size, size))[0]);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"3,false,1", "5,true,1", "6,true,2"})
    void forwardEqualsPlainLoops(int channels, boolean projects, int stride) {
        try (NDManager manager = NDManager.newBaseManager()) {
            Residual block = new Residual(channels, projects, stride);
            block.initialize(manager, DataType.FLOAT32, new Shape(4, 3, 6, 6));
            Map<String, Parameter> parameters = StateDict.of(block);
            fill(parameters);
            NDArray x = manager.create(wave(4 * 3 * 6 * 6, 0.37, 1), new Shape(4, 3, 6, 6));
            NDArray y = recorded(block, x);
            double[][][][] expected =
                    PlainResidual.apply(
                            PlainResidual.fold(x.toFloatArray(), x.getShape().getShape()),
                            convolution(parameters, "conv1", stride),
                            norm(parameters, "bn1"),
                            convolution(parameters, "conv2", 1),
                            norm(parameters, "bn2"),
                            projects ? convolution(parameters, "downsample.0", stride) : null);
            double[][][][] actual = PlainResidual.fold(y.toFloatArray(), y.getShape().getShape());
            for (int n = 0; n < expected.length; n++) {
                for (int c = 0; c < expected[n].length; c++) {
                    for (int i = 0; i < expected[n][c].length; i++) {
                        assertArrayEquals(expected[n][c][i], actual[n][c][i], 1e-5);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"3,false,1", "6,true,2"})
    void gradientsEqualCentralDifferences(int channels, boolean projects, int stride) {
        try (NDManager manager = NDManager.newBaseManager()) {
            Residual block = new Residual(channels, projects, stride);
            Shape shape = new Shape(2, 3, 4, 4);
            block.initialize(manager, DataType.FLOAT32, shape);
            Map<String, Parameter> parameters = StateDict.of(block);
            fill(parameters);
            // shifts keep ReLUs away from 0, where they have no derivative, and close every second
            // channel
            NDArray shifts = manager.ones(new Shape(channels));
            for (int c = 1; c < channels; c += 2) {
                shifts.set(new NDIndex(c), -1);
            }
            parameters.get("bn1.bias").getArray().addi(shifts.mul(6));
            parameters.get("bn2.bias").getArray().addi(shifts.mul(6));
            NDArray x = manager.create(wave((int) shape.size(), 0.37, 1), shape);
            x.setRequiresGradient(true);
            NDArray weights =
                    manager.create(
                            wave(
                                    (int) block.getOutputShapes(new Shape[] {shape})[0].size(),
                                    0.7,
                                    1),
                            block.getOutputShapes(new Shape[] {shape})[0]);
            try (GradientCollector collector = Engine.getInstance().newGradientCollector()) {
                collector.backward(forward(block, x, true).mul(weights).sum());
            }
            Map<String, NDArray> arrays = new LinkedHashMap<>();
            arrays.put("x", x);
            parameters.forEach(
                    (name, parameter) -> {
                        if (parameter.requiresGradient()) {
                            arrays.put(name, parameter.getArray());
                        }
                    });
            arrays.forEach((name, array) -> assertGradient(name, array, block, x, weights));
        }
    }

    private static void assertGradient(
            String name, NDArray array, Residual block, NDArray x, NDArray weights) {
        float[] gradient = array.getGradient().toFloatArray();
        float[] values = array.toFloatArray();
        double largest = 0;
        for (float value : gradient) {
            largest = Math.max(largest, Math.abs(value));
        }
        boolean cancelled = name.equals("conv1.bias") || name.equals("conv2.bias");
        // batch normalization cancels a bias before it
        assertTrue(cancelled ? largest < 1e-4 : largest > 0.02, name + " " + largest);
        int stride = Math.max(1, values.length / 24);
        for (int k = 0; k < values.length; k += stride) {
            double up = shifted(block, x, weights, array, values, k, STEP);
            double down = shifted(block, x, weights, array, values, k, -STEP);
            assertEquals(
                    (up - down) / (2 * STEP),
                    gradient[k],
                    0.02 * largest + 1e-3,
                    name + "[" + k + "]");
        }
    }

    private static double shifted(
            Residual block,
            NDArray x,
            NDArray weights,
            NDArray array,
            float[] values,
            int index,
            float shift) {
        float[] moved = values.clone();
        moved[index] += shift;
        assign(array, moved);
        double sum = 0;
        float[] y = recorded(block, x).toFloatArray();
        float[] w = weights.toFloatArray();
        for (int i = 0; i < y.length; i++) {
            sum += (double) y[i] * w[i];
        }
        assign(array, values);
        return sum;
    }

    @Test
    void parametersSurviveDjlFormat() throws IOException, MalformedModelException {
        try (NDManager manager = NDManager.newBaseManager()) {
            Residual saved = new Residual(6, true, 2);
            saved.initialize(manager, DataType.FLOAT32, new Shape(1, 3, 6, 6));
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            saved.saveParameters(new DataOutputStream(bytes));
            Residual loaded = new Residual(6, true, 2);
            loaded.loadParameters(
                    manager, new DataInputStream(new ByteArrayInputStream(bytes.toByteArray())));
            NDArray x = manager.create(wave(3 * 36, 0.37, 1), new Shape(1, 3, 6, 6));
            assertArrayEquals(
                    forward(saved, x, false).toFloatArray(),
                    forward(loaded, x, false).toFloatArray());
        }
    }

    @Test
    void rejectsInvalidArguments() {
        assertMessage(
                () -> new Residual(0, false, 1), "numChannels must be at least 1. Received: 0.");
        assertMessage(() -> new Residual(3, true, 0), "stride", "(0, 0)");
        assertMessage(() -> new Residual(3, true, new Shape(2)), "stride", "(2)");
        assertMessage(() -> new Residual(3, false, 2), "Received: (2, 2)", "use1x1Conv=true");
        Residual block = new Residual(3, false, 1);
        assertMessage(
                () -> block.getOutputShapes(shapes(4, 5, 6, 6)), "3 channels", "Received: 5,");
        assertMessage(() -> block.getOutputShapes(shapes(4, 3, 6)), "(N, C, H, W)", "(4, 3, 6)");
        try (NDManager manager = NDManager.newBaseManager()) {
            Residual projecting = new Residual(6, true, 1);
            projecting.initialize(manager, DataType.FLOAT32, new Shape(1, 3, 6, 6));
            NDArray wrong = manager.ones(new Shape(1, 4, 6, 6));
            assertMessage(
                    () -> forward(projecting, wrong, false), "3 input channels", "Received: 4,");
        }
    }

    private static void assertMessage(Runnable action, String... parts) {
        String message = assertThrows(IllegalArgumentException.class, action::run).getMessage();
        for (String part : parts) {
            assertTrue(message.contains(part), message);
        }
    }

    private static Shape[] shapes(long... shape) {
        return new Shape[] {new Shape(shape)};
    }

    private static NDArray forward(Residual block, NDArray x, boolean training) {
        ParameterStore store = new ParameterStore(x.getManager(), false);
        return block.forward(store, new NDList(x), training).singletonOrThrow();
    }

    /** Records gradients, without which MXNet does not use the batch's statistics. */
    private static NDArray recorded(Residual block, NDArray x) {
        GradientCollector collector = Engine.getInstance().newGradientCollector();
        try {
            return forward(block, x, true);
        } finally {
            collector.close();
        }
    }

    /** Returns reproducible values that differ between channels. */
    private static float[] wave(int size, double frequency, double scale) {
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = (float) (scale * Math.sin(frequency * i + 0.5));
        }
        return values;
    }

    private static void assign(NDArray array, float[] values) {
        try (NDArray source = array.getManager().create(values, array.getShape())) {
            array.muli(0).addi(source);
        }
    }

    private static void fill(Map<String, Parameter> parameters) {
        parameters.forEach(
                (name, parameter) -> {
                    int size = (int) parameter.getShape().size();
                    if (parameter.getType() == Parameter.Type.WEIGHT) {
                        assign(parameter.getArray(), wave(size, 1.3 + name.length(), 0.3));
                    } else if (parameter.requiresGradient()) {
                        parameter.getArray().addi(0.25);
                    }
                });
    }

    private static PlainResidual.Convolution convolution(
            Map<String, Parameter> parameters, String name, int stride) {
        NDArray weight = parameters.get(name + ".weight").getArray();
        return new PlainResidual.Convolution(
                PlainResidual.fold(weight.toFloatArray(), weight.getShape().getShape()),
                doubles(parameters.get(name + ".bias")),
                stride);
    }

    private static PlainResidual.Norm norm(Map<String, Parameter> parameters, String name) {
        return new PlainResidual.Norm(
                doubles(parameters.get(name + ".weight")), doubles(parameters.get(name + ".bias")));
    }

    private static double[] doubles(Parameter parameter) {
        float[] values = parameter.getArray().toFloatArray();
        double[] doubles = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            doubles[i] = values[i];
        }
        return doubles;
    }
}
