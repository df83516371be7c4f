package org.djlresnet.block;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Linear;
import ai.djl.util.Pair;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a network computes in evaluation mode: operations on named values, each listed after the
 * operations that compute its inputs.
 *
 * <p>Each block adds itself, see {@link Described}. Values are arrays of shape (N, C, H, W), or (N,
 * features) after a pooling over the whole map. Operations name the tensors that they use as {@code
 * StateDict} does.
 */
public final class Graph {

    /**
     * An array that is an input or output of an operation.
     *
     * @param name its name in the graph
     */
    public record Value(String name) {}

    /**
     * An operation.
     *
     * @param op its kind: convolution, batch_norm, relu, add, max_pool, average_pool,
     *     global_average_pool, linear, subsample or pad_channels
     * @param inputs its inputs
     * @param output its output
     * @param attributes its settings: whole numbers, pairs of them over (height, width), or
     *     fractions
     * @param tensors the names of its tensors by their role: weight, bias, running_mean,
     *     running_var
     */
    public record Node(
            String op,
            List<Value> inputs,
            Value output,
            Map<String, Object> attributes,
            Map<String, String> tensors) {}

    private static final Value INPUT = new Value("input");

    private final Map<Parameter, String> names = new IdentityHashMap<>();
    private final List<Node> nodes = new ArrayList<>();
    private Value output;

    private Graph(Map<String, Parameter> parameters) {
        parameters.forEach((name, parameter) -> names.put(parameter, name));
    }

    /**
     * Describes a network.
     *
     * @param network the network, initialized or not
     * @param parameters its parameters by name
     * @return the graph
     * @throws IllegalArgumentException if a part of the network does not describe itself
     */
    public static Graph of(Block network, Map<String, Parameter> parameters) {
        Graph graph = new Graph(parameters);
        graph.output = graph.apply(network, INPUT);
        return graph;
    }

    /**
     * Lists the operations.
     *
     * @return the operations, each after those that compute its inputs
     */
    public List<Node> nodes() {
        return Collections.unmodifiableList(nodes);
    }

    /**
     * Returns the network's input.
     *
     * @return images, (N, C, H, W)
     */
    public Value input() {
        return INPUT;
    }

    /**
     * Returns the network's output.
     *
     * @return logits, (N, classes)
     */
    public Value output() {
        return output;
    }

    /**
     * Adds what a block computes.
     *
     * @param block the block
     * @param input its input
     * @return its output
     * @throws IllegalArgumentException if the block does not describe itself
     */
    public Value apply(Block block, Value input) {
        if (block instanceof Described described) {
            return described.describe(this, input);
        }
        if (block instanceof Linear) {
            return add("linear", Map.of(), tensors(block), input);
        }
        throw new IllegalArgumentException(
                block.getClass().getSimpleName()
                        + " does not describe what it computes. Implement Described.");
    }

    /**
     * Adds a convolution without dilation.
     *
     * @param input (N, C, H, W)
     * @param block holds its weight, (out, C / groups, height, width), and perhaps its bias, (out)
     * @param stride over height and width
     * @param padding the zeros on each side of height and width
     * @param groups the number of groups of channels
     * @return (N, out, H', W')
     */
    public Value convolution(Value input, Block block, Shape stride, Shape padding, int groups) {
        return add(
                "convolution",
                Map.of("stride", pair(stride), "padding", pair(padding), "groups", groups),
                tensors(block),
                input);
    }

    /**
     * Adds batch normalization by the running statistics.
     *
     * @param input (N, C, H, W)
     * @param block holds its scale (weight), bias, running mean and variance, each (C)
     * @param epsilon the number added to the variance
     * @return an array of the input's shape
     */
    public Value batchNorm(Value input, Block block, float epsilon) {
        return add("batch_norm", Map.of("epsilon", epsilon), tensors(block), input);
    }

    /**
     * Adds a rectified linear unit.
     *
     * @param input any shape
     * @return an array of the input's shape
     */
    public Value relu(Value input) {
        return add("relu", Map.of(), Map.of(), input);
    }

    /**
     * Adds a sum of two arrays of the same shape.
     *
     * @param first any shape
     * @param second the same shape
     * @return their sum
     */
    public Value add(Value first, Value second) {
        return add("add", Map.of(), Map.of(), first, second);
    }

    /**
     * Adds a maximum over a sliding window.
     *
     * @param input (N, C, H, W)
     * @param kernel the window's height and width
     * @param stride the window's step
     * @param padding rows and columns on each side, which are never the maximum
     * @return (N, C, H', W')
     */
    public Value maxPool(Value input, int kernel, int stride, int padding) {
        return add("max_pool", window(kernel, stride, padding), Map.of(), input);
    }

    /**
     * Adds a mean over a sliding window without padding; windows that extend past the edge average
     * only the values inside.
     *
     * @param input (N, C, H, W)
     * @param kernel the window's height and width
     * @param stride the window's step
     * @return (N, C, H', W')
     */
    public Value averagePool(Value input, int kernel, int stride) {
        return add("average_pool", window(kernel, stride, 0), Map.of(), input);
    }

    /**
     * Adds the mean over each map.
     *
     * @param input (N, C, H, W)
     * @return (N, C)
     */
    public Value globalAveragePool(Value input) {
        return add("global_average_pool", Map.of(), Map.of(), input);
    }

    /**
     * Adds the selection of every step-th row and column, starting with the first.
     *
     * @param input (N, C, H, W)
     * @param step the step
     * @return (N, C, ⌈H/step⌉, ⌈W/step⌉)
     */
    public Value subsample(Value input, int step) {
        return add("subsample", Map.of("step", step), Map.of(), input);
    }

    /**
     * Adds channels of zeros.
     *
     * @param input (N, C, H, W)
     * @param before the number of channels before the input's
     * @param after the number of channels after the input's
     * @return (N, before + C + after, H, W)
     */
    public Value padChannels(Value input, int before, int after) {
        return add("pad_channels", Map.of("before", before, "after", after), Map.of(), input);
    }

    private Value add(
            String op,
            Map<String, Object> attributes,
            Map<String, String> tensors,
            Value... inputs) {
        Value result = new Value(op + nodes.size());
        nodes.add(new Node(op, List.of(inputs), result, attributes, tensors));
        return result;
    }

    /** The names of a block's own tensors by their last part. */
    private Map<String, String> tensors(Block block) {
        Map<String, String> tensors = new LinkedHashMap<>();
        for (Pair<String, Parameter> direct : block.getDirectParameters()) {
            String name = names.get(direct.getValue());
            if (name == null) {
                throw new IllegalArgumentException(
                        "The parameter " + direct.getKey() + " has no name in the network");
            }
            tensors.put(name.substring(name.lastIndexOf('.') + 1), name);
        }
        return tensors;
    }

    private static Map<String, Object> window(int kernel, int stride, int padding) {
        Map<String, Object> attributes = new LinkedHashMap<>();
        attributes.put("kernel", List.of(kernel, kernel));
        attributes.put("stride", List.of(stride, stride));
        attributes.put("padding", List.of(padding, padding));
        return attributes;
    }

    private static List<Long> pair(Shape shape) {
        return List.of(shape.get(0), shape.get(1));
    }
}
