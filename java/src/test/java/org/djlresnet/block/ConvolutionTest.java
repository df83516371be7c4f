package org.djlresnet.block;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.training.GradientCollector;
import ai.djl.training.ParameterStore;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import org.djlresnet.engine.EngineTraits;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Compares a convolution with DJL's own: outputs and all gradients. */
@Tag("engine")
class ConvolutionTest {

    /** The rounding error of float32 sums of hundreds of products, relative to the largest. */
    private static final float TOLERANCE = 2e-5f;

    @BeforeAll
    static void recordInCollectorsOnly() {
        EngineTraits.of(Engine.getInstance()).disableRecording();
    }

    @ParameterizedTest
    @CsvSource({
        // examples, in, out, size, kernel, stride, groups, bias
        "2, 3, 8, 9, 3, 1, 1, true",
        "2, 1, 8, 9, 7, 2, 1, true",
        "2, 8, 8, 5, 3, 2, 4, false",
        "2, 8, 16, 6, 1, 2, 1, false",
        "64, 64, 64, 1, 3, 1, 1, true",
        "64, 64, 64, 2, 3, 1, 1, false",
        "64, 64, 64, 4, 3, 2, 1, true",
        "64, 64, 64, 2, 3, 1, 2, false",
    })
    void blockEqualsDjls(
            int examples,
            int in,
            int out,
            int size,
            int kernel,
            int stride,
            int groups,
            boolean bias) {
        try (NDManager manager = NDManager.newBaseManager()) {
            Shape strides = new Shape(stride, stride);
            Convolution block = new Convolution(out, kernel, strides, bias, groups);
            NDArray x = random(manager, 1, examples, in, size, size);
            block.initialize(manager, DataType.FLOAT32, x.getShape());
            NDArray weight = block.getDirectParameters().get("weight").getArray();
            EngineTraits.of(manager.getEngine())
                    .assign(weight, random(manager, 2, out, in / groups, kernel, kernel));
            NDArray plainWeight = random(manager, 2, out, in / groups, kernel, kernel);
            assertArrayEquals(plainWeight.toFloatArray(), weight.toFloatArray());
            NDArray plainBias = manager.zeros(new Shape(out));
            List<NDArray> leaves = new ArrayList<>(List.of(x, weight));
            List<NDArray> plainLeaves = new ArrayList<>(List.of(x, plainWeight));
            if (bias) {
                leaves.add(block.getDirectParameters().get("bias").getArray());
                plainLeaves.add(plainBias);
            }
            ParameterStore store = new ParameterStore(manager, false);
            List<float[]> ours =
                    valueAndGradients(
                            manager,
                            leaves,
                            () -> block.forward(store, new NDList(x), true).singletonOrThrow());
            List<float[]> djls =
                    valueAndGradients(
                            manager,
                            plainLeaves,
                            () ->
                                    Conv2d.conv2d(
                                                    x,
                                                    plainWeight,
                                                    bias ? plainBias : null,
                                                    strides,
                                                    new Shape(kernel / 2, kernel / 2),
                                                    new Shape(1, 1),
                                                    groups)
                                            .singletonOrThrow());
            assertClose(djls, ours);
            Shape inferred = block.getOutputShapes(new Shape[] {x.getShape()})[0];
            assertEquals(inferred.size(), ours.get(0).length);
        }
    }

    @Test
    void rejectsInvalidConvolutions() {
        Shape one = new Shape(1, 1);
        for (Runnable creation :
                List.<Runnable>of(
                        () -> new Convolution(0, 3, one, true, 1),
                        () -> new Convolution(8, 2, one, true, 1),
                        () -> new Convolution(8, 3, one, true, 3),
                        () -> new Convolution(8, 3, one, true, 0))) {
            String message =
                    assertThrows(IllegalArgumentException.class, creation::run).getMessage();
            assertTrue(message.contains("Received: channels="), message);
        }
    }

    /** Returns the output, then the gradient of Σ output · cos(index) with respect to each leaf. */
    private static List<float[]> valueAndGradients(
            NDManager manager, List<NDArray> leaves, Supplier<NDArray> function) {
        leaves.forEach(leaf -> leaf.setRequiresGradient(true));
        List<float[]> results = new ArrayList<>();
        try (GradientCollector collector = manager.getEngine().newGradientCollector()) {
            NDArray y = function.get();
            float[] factors = new float[(int) y.size()];
            for (int i = 0; i < factors.length; i++) {
                factors[i] = (float) Math.cos(i);
            }
            results.add(y.toFloatArray());
            collector.backward(y.mul(manager.create(factors, y.getShape())).sum());
        }
        for (NDArray leaf : leaves) {
            NDArray gradient = leaf.getGradient();
            assertNotNull(gradient);
            results.add(gradient.toFloatArray());
            EngineTraits.of(manager.getEngine()).forgetGradient(leaf);
        }
        return results;
    }

    private static void assertClose(List<float[]> expected, List<float[]> actual) {
        assertEquals(expected.size(), actual.size());
        for (int i = 0; i < expected.size(); i++) {
            float largest = 0;
            for (float value : expected.get(i)) {
                largest = Math.max(largest, Math.abs(value));
            }
            assertTrue(largest > 0.1, "a comparison of zeros");
            assertArrayEquals(
                    expected.get(i),
                    actual.get(i),
                    TOLERANCE * largest,
                    i == 0 ? "output" : "gradient " + i);
        }
    }

    private static NDArray random(NDManager manager, long seed, long... shape) {
        Random random = new Random(seed);
        float[] values = new float[(int) new Shape(shape).size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return manager.create(values, new Shape(shape));
    }
}
