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
 * @param input images, (N, C, H, W)
 * @param output logits, (N, classes)
 * @param operations the operations
 */
public record Graph(Value input, Value output, List<Operation> operations) {

    /** Copies the list. */
    public Graph {
        operations = List.copyOf(operations);
    }

    /**
     * Counts how often each value is read, the graph's output once more.
     *
     * @return the counts; a value that nothing reads is missing
     */
    public Map<Value, Integer> uses() {
        Map<Value, Integer> uses = new HashMap<>();
        operations.forEach(
                operation ->
                        operation.operands().forEach(value -> uses.merge(value, 1, Integer::sum)));
        uses.merge(output, 1, Integer::sum);
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
     * @return the values that nothing computes, the input excepted
     */
    public List<Value> parameters() {
        Set<Value> known = new HashSet<>(producers().keySet());
        known.add(input);
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
     * Returns the graph without operations that its output does not depend on.
     *
     * @return the graph of the others
     */
    public Graph live() {
        Set<Value> needed = new HashSet<>(Set.of(output));
        List<Operation> live = new ArrayList<>();
        for (int i = operations.size() - 1; i >= 0; i--) {
            Operation operation = operations.get(i);
            if (needed.contains(operation.output())) {
                needed.addAll(operation.operands());
                live.add(0, operation);
            }
        }
        return new Graph(input, output, live);
    }

    /**
     * Requires the sum of a residual block.
     *
     * @param block the block's name
     * @throws IllegalArgumentException if the graph has none, so that its branch cannot be left out
     */
    public void requireSum(String block) {
        boolean has =
                operations.stream()
                        .anyMatch(o -> o instanceof Operation.Add add && add.block().equals(block));
        if (!has) {
            throw new IllegalArgumentException("No sum of the residual block " + block + ".");
        }
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
            if (allInside && !result.equals(output)) {
                inside.add(operation);
                branch.add(0, operation);
            }
        }
        return branch;
    }
}
