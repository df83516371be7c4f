package org.djlresnet.weights;

import java.util.Set;
import org.djlresnet.graph.Graph;
import org.djlresnet.graph.GraphBuilder;
import org.djlresnet.graph.Operation;
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
        Graph graph = GraphBuilder.describe(block, parameters);
        Operation.Convolution stem = null;
        Operation.Linear head = null;
        for (Operation operation : graph.operations()) {
            if (stem == null && operation instanceof Operation.Convolution convolution) {
                stem = convolution;
            } else if (operation instanceof Operation.Linear linear) {
                head = linear;
            }
        }
        return new Layout(
                parameters.keySet(),
                stem.weight().name(),
                head.weight().name(),
                Set.of(head.weight().name(), head.bias().name()));
    }
}
