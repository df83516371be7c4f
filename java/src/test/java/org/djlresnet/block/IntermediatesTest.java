package org.djlresnet.block;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.training.GradientCollector;
import ai.djl.training.ParameterStore;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("engine")
class IntermediatesTest {

    private static final Shape INPUT = new Shape(2, 4, 12, 12);

    /** The arrays that a manager holds, by identity of what they are. */
    private static Set<String> held(NDManager manager) {
        Set<String> held = new HashSet<>();
        for (NDArray array : manager.getManagedArrays()) {
            held.add(array.getUid());
        }
        return held;
    }

    private static Block block(String name) {
        return switch (name) {
            case "identity shortcut" -> new Residual(4, false, 1);
            case "projection" -> new Residual(6, true, 2);
            case "torchvision's" -> new BasicBlock(4, 4, 1);
            case "bottleneck" -> new Bottleneck(4, 2, 8, 2);
            case "pre-activation" -> new PreactBasicBlock(4, 4, 1);
            default -> throw new AssertionError(name);
        };
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "identity shortcut",
                "projection",
                "torchvision's",
                "bottleneck",
                "pre-activation"
            })
    void aBlockLeavesItsOutputAlone(String name) {
        try (NDManager manager = NDManager.newBaseManager();
                NDManager batch = manager.newSubManager()) {
            Block block = block(name);
            block.initialize(manager, DataType.FLOAT32, INPUT);
            ParameterStore parameters = new ParameterStore(manager, false);
            NDArray images = batch.randomNormal(INPUT);
            Set<String> before = held(batch);
            try (GradientCollector collector = manager.getEngine().newGradientCollector()) {
                NDArray output =
                        block.forward(parameters, new NDList(images), true).singletonOrThrow();
                Set<String> left = held(batch);
                left.removeAll(before);
                assertEquals(Set.of(output.getUid()), left);
                assertTrue(held(batch).containsAll(before));
                // what the gradients need is there
                collector.backward(output.mul(output).sum());
            }
            NDArray gradient = block.getParameters().get(0).getValue().getArray().getGradient();
            assertTrue(gradient.abs().sum().getFloat() > 0);
        }
    }

    @Test
    void whatABlockPassesOnAsItIsStays() {
        try (NDManager manager = NDManager.newBaseManager()) {
            Chain chain = new Chain();
            chain.append("first", Layers.identity());
            chain.append("second", Layers.relu());
            chain.append("third", Layers.identity());
            chain.initialize(manager, DataType.FLOAT32, new Shape(2));
            NDArray input = manager.create(new float[] {-1, 2});
            NDArray output =
                    chain.forward(new ParameterStore(manager, false), new NDList(input), true)
                            .singletonOrThrow();
            assertArrayEquals(new float[] {0, 2}, output.toFloatArray());
            assertArrayEquals(new float[] {-1, 2}, input.toFloatArray());

            Chain nothing = new Chain();
            nothing.append("only", Layers.identity());
            assertSame(
                    input,
                    nothing.forward(new ParameterStore(manager, false), new NDList(input), true)
                            .singletonOrThrow());
            assertEquals(List.of(-1f, 2f), List.of(input.getFloat(0), input.getFloat(1)));
        }
    }
}
