package org.djlresnet.graph;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a network computes: operations in an order in which each follows those it reads from.
 *
 * <p>A value that is neither the input nor the output of an operation is a parameter; its name is
 * that of {@code StateDict}.
 *
 * @param inputs the inputs; the first, for a network on images, are images, (N, C, H, W)
 * @param outputs the outputs; a classifier's only one are logits, (N, classes)
 * @param operations the operations
 */
public record Graph(List<Value> inputs, List<Value> outputs, List<Operation> operations) {

    /** Copies the lists. */
    public Graph {
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
        operations = List.copyOf(operations);
    }

    /**
     * Returns the first input.
     *
     * @return images, (N, C, H, W), for a network on images
     */
    public Value input() {
        return inputs.get(0);
    }

    /**
     * Returns a graph with the same inputs and outputs.
     *
     * @param others its operations
     * @return the graph
     */
    public Graph with(List<Operation> others) {
        return new Graph(inputs, outputs, others);
    }

    /**
     * Counts how often each value is read, each of the graph's outputs once more.
     *
     * @return the counts; a value that nothing reads is missing
     */
    public Map<Value, Integer> uses() {
        Map<Value, Integer> uses = new HashMap<>();
        operations.forEach(
                operation ->
                        operation.operands().forEach(value -> uses.merge(value, 1, Integer::sum)));
        outputs.forEach(output -> uses.merge(output, 1, Integer::sum));
        return uses;
    }

    /**
     * Maps each computed value to the operation that computes it.
     *
     * @return the operations by their outputs
     */
    public Map<Value, Operation> producers() {
        Map<Value, Operation> producers = new HashMap<>();
        operations.forEach(operation -> producers.put(operation.output(), operation));
        return producers;
    }

    /**
     * Lists the parameters in the order of their first use.
     *
     * @return the values that nothing computes, the inputs excepted
     */
    public List<Value> parameters() {
        Set<Value> known = new HashSet<>(producers().keySet());
        known.addAll(inputs);
        List<Value> parameters = new ArrayList<>();
        for (Operation operation : operations) {
            for (Value value : operation.operands()) {
                if (known.add(value)) {
                    parameters.add(value);
                }
            }
        }
        return parameters;
    }

    /**
     * Finds the operations of a residual branch: those that only its sum depends on.
     *
     * @param sum the branch's sum
     * @return the operations in order
     */
    public List<Operation> branch(Operation.Add sum) {
        Map<Value, List<Operation>> readers = new HashMap<>();
        for (Operation operation : operations) {
            for (Value value : operation.operands()) {
                readers.computeIfAbsent(value, any -> new ArrayList<>()).add(operation);
            }
        }
        Set<Operation> inside = new HashSet<>();
        List<Operation> branch = new ArrayList<>();
        for (int i = operations.indexOf(sum) - 1; i >= 0; i--) {
            Operation operation = operations.get(i);
            Value result = operation.output();
            boolean isLast = result.equals(sum.branch()) && !result.equals(sum.shortcut());
            boolean allInside =
                    readers.getOrDefault(result, List.of()).stream()
                            .allMatch(r -> inside.contains(r) || (isLast && r == sum));
            if (allInside && !outputs.contains(result)) {
                inside.add(operation);
                branch.add(0, operation);
            }
        }
        return branch;
    }
}
