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
import ai.djl.nn.Parameter;
import ai.djl.training.GradientCollector;
import ai.djl.training.ParameterStore;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.djlresnet.engine.EngineTraits;
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
    void keepsOnlyTheOutputOfABlock(String name) {
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

    /** relu(F(x) + shortcut(x)), part by part, with every array kept until the end. */
    private static NDArray partByPart(Block block, ParameterStore parameters, NDArray x) {
        Map<String, Block> modules = ((NamedModules) block).modules();
        UnaryOperator<NDArray> relu = array -> array.getNDArrayInternal().relu();
        NDArray branch = x;
        for (int i = 1; modules.containsKey("conv" + i); i++) {
            branch = i == 1 ? branch : relu.apply(branch);
            for (String part : List.of("conv" + i, "bn" + i)) {
                branch = apply(modules.get(part), parameters, branch);
            }
        }
        NDArray shortcut = x;
        for (String name : List.of("downsample.0", "downsample")) {
            if (modules.containsKey(name)) {
                shortcut = apply(modules.get(name), parameters, x);
            }
        }
        return relu.apply(branch.add(shortcut));
    }

    private static NDArray apply(Block block, ParameterStore parameters, NDArray x) {
        return block.forward(parameters, new NDList(x), true).singletonOrThrow();
    }

    /** The output, then the gradients of the parameters and of the input. */
    private static List<float[]> outputAndGradients(
            Block block, NDArray x, Function<NDArray, NDArray> forward) {
        EngineTraits traits = EngineTraits.of(x.getManager().getEngine());
        List<NDArray> leaves = new ArrayList<>(List.of(x));
        block.getParameters().values().stream()
                .filter(Parameter::requiresGradient)
                .forEach(parameter -> leaves.add(parameter.getArray()));
        List<float[]> values = new ArrayList<>();
        try (GradientCollector collector = x.getManager().getEngine().newGradientCollector()) {
            NDArray output = forward.apply(x);
            collector.backward(output.mul(output).sum());
            values.add(output.toFloatArray());
        }
        for (NDArray leaf : leaves) {
            values.add(leaf.getGradient().toFloatArray());
            traits.forgetGradient(leaf);
        }
        return values;
    }

    @ParameterizedTest
    @ValueSource(strings = {"identity shortcut", "projection", "torchvision's", "bottleneck"})
    void freeingIntermediatesChangesNoOutputOrGradient(String name) {
        try (NDManager manager = NDManager.newBaseManager()) {
            Block block = block(name);
            block.initialize(manager, DataType.FLOAT32, INPUT);
            ParameterStore parameters = new ParameterStore(manager, false);
            NDArray x = manager.randomNormal(INPUT);
            x.setRequiresGradient(true);
            List<float[]> freeing =
                    outputAndGradients(block, x, input -> apply(block, parameters, input));
            List<float[]> keeping =
                    outputAndGradients(block, x, input -> partByPart(block, parameters, input));
            assertEquals(keeping.size(), freeing.size());
            for (int i = 0; i < keeping.size(); i++) {
                assertArrayEquals(keeping.get(i), freeing.get(i), "array " + i);
            }
        }
    }

    @Test
    void keepsArraysThatABlockPassesThrough() {
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
