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
import ai.djl.nn.Block;
import ai.djl.training.GradientCollector;
import ai.djl.training.ParameterStore;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.StateDict;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests blocks alone; GoldenTest and the Python tests check the values of networks. */
@Tag("engine")
class BlocksTest {

    @BeforeAll
    static void recordInCollectorsOnly() {
        EngineTraits.of(Engine.getInstance()).disableRecording();
    }

    @Test
    void basicBlockWorksAlone() {
        Block block = new BasicBlock(64, 128, 2);
        assertEquals(new Shape(2, 128, 16, 16), shape(block, 2, 64, 32, 32));
        assertEquals(new Shape(2, 128, 16, 16), outputShape(block, 2, 64, 32, 32));
    }

    @Test
    void bottleneckWorksAlone() {
        Block block = new Bottleneck(64, 32, 128, 1);
        assertEquals(new Shape(2, 128, 32, 32), shape(block, 2, 64, 32, 32));
        assertEquals(new Shape(2, 128, 32, 32), outputShape(block, 2, 64, 32, 32));
    }

    static Stream<Block> everyKind() {
        BlockOptions late = BlockOptions.BASIC.with(StridePlacement.SECOND);
        return Stream.of(
                new BasicBlock(4, 8, 2),
                new BasicBlock(4, 8, 2, late.with(Shortcut.ZERO_PADDING)),
                new BasicBlock(4, 8, 2, BlockOptions.BASIC.with(Shortcut.POOLED_PROJECTION)),
                new BasicBlock(4, 4, 1),
                new Bottleneck(4, 6, 8, 2, BlockOptions.BOTTLENECK.withGroups(2)),
                new Bottleneck(4, 6, 8, 2, BlockOptions.BOTTLENECK.with(StridePlacement.FIRST)),
                new PreactBasicBlock(4, 8, 2),
                new PreactBasicBlock(4, 4, 1),
                new PreactBottleneck(4, 2, 8, 1),
                new PreactBottleneck(4, 2, 8, 1, true, BlockOptions.BOTTLENECK),
                new PlainBlock(4, 8, 2, late));
    }

    @ParameterizedTest
    @MethodSource("everyKind")
    void inferredShapeEqualsOutputShapeAtEverySize(Block block) {
        try (NDManager manager = NDManager.newBaseManager()) {
            block.initialize(manager, DataType.FLOAT32, new Shape(1, 4, 8, 8));
            for (int size : new int[] {1, 2, 5, 6}) {
                NDArray x = manager.ones(new Shape(2, 4, size, size + 1));
                assertEquals(shape(block, 2, 4, size, size + 1), forward(block, x).getShape());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("everyKind")
    void rejectsOtherChannels(Block block) {
        String message =
                assertThrows(IllegalArgumentException.class, () -> shape(block, 2, 3, 8, 8))
                        .getMessage();
        assertTrue(message.contains("(N, 4, H, W)") && message.contains("(2, 3, 8, 8)"), message);
    }

    @Test
    void rejectsInvalidBlocks() {
        assertRejects("channels must be at least 1. Received: 0.", () -> new BasicBlock(4, 0, 1));
        assertRejects(
                "stride must be at least 1. Received: 0.", () -> new PreactBasicBlock(4, 4, 0));
        assertRejects(
                "inChannels must be at least 1. Received: -1.", () -> new Bottleneck(-1, 4, 4, 1));
        assertRejects(
                "width must be at least 1. Received: 0.", () -> new PreactBottleneck(4, 0, 4, 1));
        assertRejects(
                "width=6, groups=4",
                () -> new Bottleneck(4, 6, 8, 1, BlockOptions.BOTTLENECK.withGroups(4)));
        assertRejects(
                "from 8 to 4",
                () -> new BasicBlock(8, 4, 1, BlockOptions.BASIC.with(Shortcut.ZERO_PADDING)));
    }

    @Test
    void zeroPaddingSubsamplesAndPadsBothSides() {
        try (NDManager manager = NDManager.newBaseManager()) {
            Block pad = new ZeroPadding(2, 5, 2);
            NDArray x = manager.arange(18f).reshape(1, 2, 3, 3);
            NDArray y = forward(pad, x);
            assertEquals(new Shape(1, 5, 2, 2), y.getShape());
            assertArrayEquals(
                    new float[] {0, 0, 0, 0, 0, 2, 6, 8, 9, 11, 15, 17, 0, 0, 0, 0, 0, 0, 0, 0},
                    y.toFloatArray());
        }
    }

    @Test
    void zeroPaddingPassesGradientsToKeptPixels() {
        try (NDManager manager = NDManager.newBaseManager()) {
            Block pad = new ZeroPadding(1, 3, 2);
            NDArray x = manager.ones(new Shape(1, 1, 3, 4));
            x.setRequiresGradient(true);
            NDArray weights = manager.arange(12f).reshape(1, 3, 2, 2);
            try (GradientCollector collector = Engine.getInstance().newGradientCollector()) {
                collector.backward(forward(pad, x).mul(weights).sum());
            }
            assertArrayEquals(
                    new float[] {4, 0, 5, 0, 0, 0, 0, 0, 6, 0, 7, 0},
                    x.getGradient().toFloatArray());
        }
    }

    private static List<float[]> valueAndGradient(NDArray x, Supplier<NDArray> function) {
        x.setRequiresGradient(true);
        float[] value;
        try (GradientCollector collector = Engine.getInstance().newGradientCollector()) {
            NDArray y = function.get();
            value = y.toFloatArray();
            NDArray weights = y.getManager().arange((float) y.size()).add(1).reshape(y.getShape());
            collector.backward(y.mul(weights).sum());
        }
        float[] gradient = x.getGradient().toFloatArray();
        EngineTraits.of(Engine.getInstance()).forgetGradient(x);
        return List.of(value, gradient);
    }

    @ParameterizedTest
    @CsvSource({"8, 1, 1", "8, 2, 3", "2, 4, 4"})
    void batchNormEqualsDjl(int examples, int height, int width) {
        try (NDManager manager = NDManager.newBaseManager()) {
            Shape shape = new Shape(examples, 5, height, width);
            NDArray x = manager.arange((float) shape.size()).mul(0.7f).sin().reshape(shape);
            Block ours = new BatchNorm();
            Block djls = ai.djl.nn.norm.BatchNorm.builder().build();
            List<List<float[]>> results = new ArrayList<>();
            for (Block block : List.of(ours, djls)) {
                block.initialize(manager, DataType.FLOAT32, shape);
                Map<String, NDArray> arrays = new LinkedHashMap<>();
                block.getParameters()
                        .forEach(p -> arrays.put(p.getValue().getName(), p.getValue().getArray()));
                arrays.get("gamma").addi(manager.arange(5f).mul(0.1f));
                arrays.get("beta").addi(manager.arange(5f).mul(-0.2f));
                List<float[]> found =
                        new ArrayList<>(valueAndGradient(x, () -> forward(block, x, true)));
                found.add(arrays.get("runningMean").toFloatArray());
                found.add(arrays.get("runningVar").toFloatArray());
                found.add(forward(block, x).toFloatArray());
                results.add(found);
            }
            for (int i = 0; i < results.get(0).size(); i++) {
                assertArrayEquals(results.get(1).get(i), results.get(0).get(i), 1e-5f, "" + i);
            }
        }
    }

    @Test
    void averagePoolIgnoresPadding() {
        try (NDManager manager = NDManager.newBaseManager()) {
            NDArray x = manager.arange(9f).reshape(1, 1, 3, 3);
            NDArray y = forward(new AveragePool(2, 2), x);
            assertArrayEquals(new float[] {2, 3.5f, 6.5f, 8}, y.toFloatArray());
        }
    }

    @Test
    void zeroInitLastGammaStartsBlockAsShortcut() {
        try (NDManager manager = NDManager.newBaseManager()) {
            Block block =
                    new Bottleneck(4, 2, 4, 1, BlockOptions.BOTTLENECK.withZeroInitLastGamma(true));
            block.initialize(manager, DataType.FLOAT32, new Shape(1, 4, 3, 3));
            NDArray x = manager.arange(36f).sub(18).reshape(1, 4, 3, 3);
            assertArrayEquals(
                    x.getNDArrayInternal().relu().toFloatArray(), forward(block, x).toFloatArray());
            assertArrayEquals(
                    new float[4], StateDict.of(block).get("bn3.weight").getArray().toFloatArray());
            assertArrayEquals(
                    new float[] {1, 1},
                    StateDict.of(block).get("bn2.weight").getArray().toFloatArray());
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void closedGateLeavesOnlyTheShortcut(boolean chapter) {
        try (NDManager manager = NDManager.newBaseManager()) {
            Block block = chapter ? new Residual(2, false, 1) : new BasicBlock(2, 2, 1);
            block.initialize(manager, DataType.FLOAT32, new Shape(1, 2, 2, 2));
            NDArray x =
                    manager.create(new float[] {1, -2, 3, 4, -5, 6, 7, 8}, new Shape(1, 2, 2, 2));
            float[] whole = forward(block, x).toFloatArray();
            BranchGate gate = ((ResidualBlock) block).gate();
            gate.bypass(true);
            assertArrayEquals(
                    new float[] {1, 0, 3, 4, 0, 6, 7, 8}, forward(block, x).toFloatArray());
            gate.bypass(false);
            assertArrayEquals(whole, forward(block, x).toFloatArray());
        }
    }

    @Test
    void bypassKeepsAProjection() {
        try (NDManager manager = NDManager.newBaseManager()) {
            PreactBasicBlock block = new PreactBasicBlock(2, 3, 2);
            block.initialize(manager, DataType.FLOAT32, new Shape(1, 2, 2, 2));
            block.gate().bypass(true);
            NDArray x =
                    manager.create(new float[] {1, -2, 3, 4, -5, 6, 7, 8}, new Shape(1, 2, 2, 2));
            float[] weight =
                    StateDict.of(block).get("downsample.0.weight").getArray().toFloatArray();
            // the first pixel of each channel, normalized by variance 1 and rectified: 1 and 0
            float[] expected = new float[3];
            for (int i = 0; i < 3; i++) {
                expected[i] = (float) (weight[2 * i] / Math.sqrt(1 + 1e-5));
            }
            assertArrayEquals(expected, forward(block, x).toFloatArray(), 1e-6f);
        }
    }

    @Test
    void survivingBranchIsScaledInTrainingOnly() {
        try (NDManager manager = NDManager.newBaseManager()) {
            PreactBasicBlock block = new PreactBasicBlock(2, 2, 1);
            block.initialize(manager, DataType.FLOAT32, new Shape(2, 2, 2, 2));
            NDArray x = manager.arange(16f).reshape(2, 2, 2, 2);
            float[] whole = training(block, x);
            block.gate().beginStep(false, 0.25);
            float[] scaled = training(block, x);
            for (int i = 0; i < 16; i++) {
                assertEquals(i + 4 * (whole[i] - i), scaled[i], 1e-4);
            }
            float[] evaluation = forward(block, x).toFloatArray();
            block.gate().beginStep(true, 0.25);
            assertArrayEquals(x.toFloatArray(), training(block, x));
            assertArrayEquals(evaluation, forward(block, x).toFloatArray());
        }
    }

    @SuppressWarnings("try")
    private static float[] training(Block block, NDArray x) {
        try (GradientCollector collector = Engine.getInstance().newGradientCollector()) {
            ParameterStore store = new ParameterStore(x.getManager(), false);
            return block.forward(store, new NDList(x), true).singletonOrThrow().toFloatArray();
        }
    }

    private static NDArray forward(Block block, NDArray x) {
        return forward(block, x, false);
    }

    private static NDArray forward(Block block, NDArray x, boolean training) {
        ParameterStore store = new ParameterStore(x.getManager(), false);
        return block.forward(store, new NDList(x), training).singletonOrThrow();
    }

    private static Shape shape(Block block, long... input) {
        return block.getOutputShapes(new Shape[] {new Shape(input)})[0];
    }

    private static Shape outputShape(Block block, long... input) {
        try (NDManager manager = NDManager.newBaseManager()) {
            block.initialize(manager, DataType.FLOAT32, new Shape(input));
            return forward(block, manager.ones(new Shape(input))).getShape();
        }
    }

    private static void assertRejects(String part, Runnable creation) {
        String message = assertThrows(IllegalArgumentException.class, creation::run).getMessage();
        assertTrue(message.contains(part), message);
        assertTrue(List.of(message.split("Received")).size() == 2, message);
    }
}
