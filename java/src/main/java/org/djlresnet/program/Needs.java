package org.djlresnet.program;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.djlresnet.graph.Graph;
import org.djlresnet.graph.Operation;
import org.djlresnet.graph.Value;

/** What the backward pass of a graph has to compute. */
final class Needs {

    private final Set<Value> gradients;
    private final Set<String> kept;

    /**
     * Finds the values that depend on trained parameters.
     *
     * @param graph the graph
     * @param trained the trained parameters
     * @param kept the running means of batch normalizations that keep their statistics
     */
    Needs(Graph graph, List<Value> trained, Set<String> kept) {
        this.kept = kept;
        gradients = new HashSet<>(trained);
        for (Operation operation : graph.operations()) {
            if (operation.operands().stream().anyMatch(gradients::contains)) {
                gradients.add(operation.output());
            }
        }
    }

    /** Returns whether the gradient with respect to a value, which may be null, is needed. */
    boolean gradient(Value value) {
        return gradients.contains(value);
    }

    /**
     * Returns whether a batch normalization normalizes by the batch, and updates its statistics.
     */
    boolean statistics(Operation.BatchNorm norm) {
        return !kept.contains(norm.mean().name());
    }
}
