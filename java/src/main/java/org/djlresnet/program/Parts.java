package org.djlresnet.program;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.djlresnet.graph.Graph;
import org.djlresnet.graph.Operation;
import org.djlresnet.graph.Value;

/**
 * Divides a graph into the network's layers and residual blocks, for example {@code conv1}, {@code
 * bn1}, {@code layer1.0}.
 */
final class Parts {

    private Parts() {}

    /**
     * Finds the part of each operation by the names of its parameters. An operation without
     * parameters, such as pooling, belongs to the part before it.
     */
    static Map<Operation, String> of(Graph graph) {
        Map<Operation, String> parts = new HashMap<>();
        Set<Value> parameters = new HashSet<>(graph.parameters());
        String current = part(graph.parameters().get(0).name());
        for (Operation operation : graph.operations()) {
            for (Value value : operation.operands()) {
                if (parameters.contains(value)) {
                    current = part(value.name());
                }
            }
            parts.put(operation, current);
        }
        return parts;
    }

    /** The first part of a tensor's name, with the number that follows it. */
    private static String part(String tensor) {
        String[] words = tensor.split("\\.");
        boolean numbered = words.length > 2 && words[1].matches("\\d+");
        return numbered ? words[0] + "." + words[1] : words[0];
    }
}
