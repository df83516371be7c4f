package org.djlresnet.weights;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.djlresnet.block.Graph;
import org.djlresnet.model.Models;
import org.djlresnet.model.StateDict;

/**
 * The names of a network's tensors.
 *
 * @param names all names
 * @param stem the weight of the first convolution, whose second axis is the input channels
 * @param headWeight the weight of the last layer, whose first axis is the classes
 * @param head all tensors of the last layer
 */
record Layout(Set<String> names, String stem, String headWeight, Set<String> head) {

    static Layout of(Models.Model model) {
        var block = model.build(1);
        var parameters = StateDict.of(block);
        List<Graph.Node> nodes = Graph.of(block, parameters).nodes();
        Map<String, String> head = last(nodes, "linear").tensors();
        String stem =
                nodes.stream()
                        .filter(node -> node.op().equals("convolution"))
                        .findFirst()
                        .orElseThrow()
                        .tensors()
                        .get("weight");
        return new Layout(
                parameters.keySet(), stem, head.get("weight"), new LinkedHashSet<>(head.values()));
    }

    private static Graph.Node last(List<Graph.Node> nodes, String op) {
        return nodes.stream()
                .filter(node -> node.op().equals(op))
                .reduce((earlier, later) -> later)
                .orElseThrow();
    }
}
