package org.djlresnet.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.nn.Block;
import ai.djl.nn.Blocks;
import ai.djl.nn.Parameter;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.djlresnet.block.Chain;
import org.djlresnet.block.ResidualBlock;
import org.djlresnet.graph.Graph;
import org.djlresnet.graph.GraphBuilder;
import org.djlresnet.graph.Operation;
import org.djlresnet.graph.Operation.Add;
import org.djlresnet.graph.Operation.Convolution;
import org.djlresnet.graph.UndescribedException;
import org.djlresnet.graph.Value;
import org.djlresnet.graph.Window;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Checks how networks describe themselves. */
class GraphTest {

    static Stream<String> names() {
        return Models.names().stream()
                .filter(name -> !Models.get(name).isAutoencoder())
                .flatMap(
                        name ->
                                Stream.concat(
                                        Stream.of(name),
                                        Models.get(name).options().stream()
                                                .map(option -> name + "+" + option)));
    }

    private static Graph graph(Block block) {
        return GraphBuilder.describe(block, StateDict.of(block));
    }

    @ParameterizedTest
    @MethodSource("names")
    void usesEveryTensorOnceAndEveryValueAfterItsDefinition(String name) {
        Block block = Models.get(name).build(10);
        Graph graph = graph(block);
        Set<String> tensors = StateDict.of(block).keySet();
        Set<Value> made = new HashSet<>(Set.of(graph.input()));
        Set<String> used = new HashSet<>();
        for (Operation operation : graph.operations()) {
            for (Value value : operation.operands()) {
                boolean first = !tensors.contains(value.name()) || used.add(value.name());
                assertTrue(first, value::name);
                assertTrue(made.contains(value) || tensors.contains(value.name()), value::name);
            }
            assertTrue(made.add(operation.output()), operation.output()::name);
        }
        assertEquals(tensors, used);
        Operation last = graph.operations().get(graph.operations().size() - 1);
        assertTrue(last instanceof Operation.Linear || last instanceof Operation.Scale, name);
        assertEquals(last.output(), graph.outputs().get(0));
        // stochastic depth and bypass find a block's sum by this name
        Map<String, ResidualBlock> blocks = ResidualBlocks.of(block);
        assertEquals(List.copyOf(blocks.keySet()), sums(graph));
        if (!name.matches(".*(resnet|resnext|plain)\\d.*")) {
            return;
        }
        // all layers but the first and the last are in blocks
        String depth = name.replaceAll(".*(?:resnet|resnext|plain)(\\d+).*", "$1");
        assertEquals(
                name.contains("plain") ? 0 : Integer.parseInt(depth) - 2,
                blocks.values().stream()
                        .flatMap(unit -> unit.branch().getParameters().values().stream())
                        .filter(parameter -> parameter.getType() == Parameter.Type.WEIGHT)
                        .count());
    }

    private static List<String> sums(Graph graph) {
        return graph.operations().stream()
                .filter(Add.class::isInstance)
                .map(sum -> ((Add) sum).block())
                .toList();
    }

    @Test
    void describesBasicBlockWithProjection() {
        Graph graph = graph(Models.get("cifar-resnet20+option_b").build(10));
        List<Operation> all = graph.operations();
        int first =
                all.stream()
                        .map(operation -> operation.output().name())
                        .toList()
                        .indexOf("layer2.0.downsample.0");
        List<Operation> shown = all.subList(first, first + 8);
        assertEquals(
                List.of(
                        "Convolution",
                        "BatchNorm",
                        "Convolution",
                        "BatchNorm",
                        "Relu",
                        "Convolution",
                        "BatchNorm",
                        "Add"),
                shown.stream().map(operation -> operation.getClass().getSimpleName()).toList());
        Convolution projection = (Convolution) shown.get(0);
        Convolution convolution = (Convolution) shown.get(2);
        assertEquals(projection.input(), convolution.input());
        assertEquals(Window.square(1, 2, 0), projection.window());
        assertEquals(Window.square(3, 2, 1), convolution.window());
        Add sum = (Add) shown.get(7);
        assertEquals(shown.get(1).output(), sum.shortcut());
        assertEquals(shown.get(6).output(), sum.branch());
        // the projection is not part of the branch
        assertEquals(shown.subList(2, 7), graph.branch(sum));
    }

    @Test
    void bypassedBranchIsNotDescribed() {
        try (Network network =
                Network.create(
                        "cifar-resnet20", 3, Classes.numbered(10).names(), 0, Device.cpu())) {
            Set<Value> before = Set.copyOf(network.graph().parameters());
            ResidualBlocks.bypass(network.model(), network.block(), List.of("layer2.1"));
            Graph after = network.graph();
            assertEquals(8, sums(after).size());
            Set<Value> left = new HashSet<>(before);
            left.removeIf(value -> value.name().startsWith("layer2.1."));
            assertEquals(before.size() - 10, left.size());
            assertEquals(left, Set.copyOf(after.parameters()));
        }
    }

    @Test
    void namesBlocksThatAreNotDescribed() {
        Chain chain = new Chain();
        chain.append("flatten", Blocks.batchFlattenBlock());
        UndescribedException error =
                assertThrows(
                        UndescribedException.class, () -> GraphBuilder.describe(chain, Map.of()));
        assertTrue(error.getMessage().endsWith("Implement Described."));
    }
}
