package org.djlresnet.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.nn.Block;
import ai.djl.nn.Blocks;
import ai.djl.nn.Parameter;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.djlresnet.block.Chain;
import org.djlresnet.block.Graph;
import org.djlresnet.block.ResidualBlock;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GraphTest {

    static Stream<String> names() {
        return Models.names().stream()
                .flatMap(
                        name ->
                                Stream.concat(
                                        Stream.of(name),
                                        Models.get(name).options().stream()
                                                .map(option -> name + "+" + option)));
    }

    private static Graph graph(Block block) {
        return Graph.of(block, StateDict.of(block));
    }

    @ParameterizedTest
    @MethodSource("names")
    void usesEveryTensorOnceAndEveryValueAfterItsDefinition(String name) {
        Block block = Models.get(name).build(10);
        Graph graph = graph(block);
        Set<String> made = new HashSet<>(Set.of("input"));
        Set<String> used = new HashSet<>();
        for (Graph.Node node : graph.nodes()) {
            node.inputs().forEach(value -> assertTrue(made.contains(value.name()), value::name));
            assertTrue(made.add(node.output().name()), node.output()::name);
            node.tensors().values().forEach(tensor -> assertTrue(used.add(tensor), tensor));
        }
        assertEquals(StateDict.of(block).keySet(), used);
        Graph.Node last = graph.nodes().get(graph.nodes().size() - 1);
        assertEquals("linear", last.op());
        assertEquals(last.output(), graph.output());
    }

    @Test
    void describesBasicBlockWithProjection() {
        Block block = Models.get("cifar-resnet20+option_b").build(10);
        List<Graph.Node> nodes = graph(block).nodes();
        int first =
                nodes.stream()
                        .map(node -> node.tensors().get("weight"))
                        .toList()
                        .indexOf("layer2.0.downsample.0.weight");
        List<Graph.Node> shown = nodes.subList(first, first + 8);
        assertEquals(
                List.of(
                        "convolution",
                        "batch_norm",
                        "convolution",
                        "batch_norm",
                        "relu",
                        "convolution",
                        "batch_norm",
                        "add"),
                shown.stream().map(Graph.Node::op).toList());
        assertEquals(shown.get(0).inputs(), shown.get(2).inputs());
        assertEquals(
                Map.of("stride", List.of(2L, 2L), "padding", List.of(1L, 1L), "groups", 1),
                shown.get(2).attributes());
        assertEquals(
                Map.of("stride", List.of(2L, 2L), "padding", List.of(0L, 0L), "groups", 1),
                shown.get(0).attributes());
        assertEquals(
                Set.of(shown.get(1).output(), shown.get(6).output()),
                Set.copyOf(shown.get(7).inputs()));
    }

    @Test
    void bypassedBranchIsNotDescribed() {
        Block block = Models.get("cifar-resnet20").build(10);
        long before = graph(block).nodes().stream().filter(n -> n.op().equals("add")).count();
        units(block).get(4).gate().bypass(true);
        Graph after = graph(block);
        assertEquals(9, before);
        assertEquals(8, after.nodes().stream().filter(n -> n.op().equals("add")).count());
        Set<String> tensors = new HashSet<>();
        after.nodes().forEach(node -> tensors.addAll(node.tensors().values()));
        assertEquals(StateDict.of(block).size() - 10, tensors.size());
    }

    private static List<ResidualBlock> units(Block block) {
        return block.getChildren().values().stream()
                .flatMap(
                        child ->
                                child instanceof ResidualBlock unit
                                        ? Stream.of(unit)
                                        : units(child).stream())
                .toList();
    }

    @Test
    void namesBlocksThatAreNotDescribed() {
        Chain chain = new Chain();
        chain.append("flatten", Blocks.batchFlattenBlock());
        Map<String, Parameter> none = Map.of();
        IllegalArgumentException error =
                assertThrows(IllegalArgumentException.class, () -> Graph.of(chain, none));
        assertTrue(error.getMessage().endsWith("Implement Described."));
    }
}
