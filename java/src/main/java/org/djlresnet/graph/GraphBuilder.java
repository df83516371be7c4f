package org.djlresnet.graph;

import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Linear;
import ai.djl.util.Pair;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * Builds the {@link Graph} of a network: each block adds its operations, see {@link Described}.
 *
 * <p>Values have the names of their layers, for example {@code layer1.0.conv1}.
 */
public final class GraphBuilder {

    private final Map<Parameter, String> names = new IdentityHashMap<>();
    private final List<Operation> operations = new ArrayList<>();
    private final Set<String> taken = new HashSet<>();

    private GraphBuilder(Map<String, Parameter> parameters) {
        parameters.forEach((name, parameter) -> names.put(parameter, name));
    }

    /**
     * Describes a network.
     *
     * @param network the network, initialized or not
     * @param parameters its parameters by name
     * @return the graph
     * @throws UndescribedException if a part of the network does not describe itself
     */
    public static Graph describe(Block network, Map<String, Parameter> parameters) {
        GraphBuilder builder = new GraphBuilder(parameters);
        if (network instanceof DescribedNetwork described) {
            List<Value> inputs = described.inputs();
            return new Graph(inputs, described.describe(builder, inputs), builder.operations);
        }
        Value output = builder.apply(network, DescribedNetwork.IMAGES);
        return new Graph(List.of(DescribedNetwork.IMAGES), List.of(output), builder.operations);
    }

    /**
     * Adds what a block computes.
     *
     * @param block the block
     * @param input its input
     * @return its output
     * @throws UndescribedException if the block does not describe itself
     */
    public Value apply(Block block, Value input) {
        if (block instanceof Described described) {
            return described.describe(this, input);
        }
        if (block instanceof Linear) {
            return add(
                    layer(block),
                    output ->
                            new Operation.Linear(
                                    output,
                                    input,
                                    parameter(block, "weight"),
                                    parameter(block, "bias")));
        }
        throw new UndescribedException(
                block.getClass().getSimpleName()
                        + " does not describe what it computes. Implement Described.");
    }

    /**
     * Adds a convolution.
     *
     * @param input (N, C, H, W)
     * @param block holds its weight, (out, C / groups, height, width), and perhaps its bias, (out)
     * @param window kernel, stride and padding
     * @param groups the number of groups of channels
     * @return (N, out, H', W')
     */
    public Value convolution(Value input, Block block, Window window, int groups) {
        return add(
                layer(block),
                output ->
                        new Operation.Convolution(
                                output,
                                input,
                                parameter(block, "weight"),
                                parameter(block, "bias"),
                                window,
                                groups));
    }

    /**
     * Adds a transposed convolution with an odd square kernel.
     *
     * @param input (N, C, H, W)
     * @param block holds its weight, (C, out, kernel, kernel), and perhaps its bias, (out)
     * @param kernel the kernel's height and width
     * @param stride the stride
     * @return (N, out, H · stride, W · stride)
     */
    public Value transposedConvolution(Value input, Block block, int kernel, int stride) {
        return add(
                layer(block),
                output ->
                        new Operation.TransposedConvolution(
                                output,
                                input,
                                parameter(block, "weight"),
                                parameter(block, "bias"),
                                kernel,
                                stride));
    }

    /**
     * Adds batch normalization.
     *
     * @param input (N, C, H, W) or (N, C)
     * @param block holds its scale (weight), bias, running mean and variance, each (C)
     * @param momentum the weight of the old running statistics at each training step
     * @param epsilon the number added to the variance
     * @return an array of the input's shape
     */
    public Value batchNorm(Value input, Block block, double momentum, double epsilon) {
        return add(
                layer(block),
                output ->
                        new Operation.BatchNorm(
                                output,
                                input,
                                parameter(block, "weight"),
                                parameter(block, "bias"),
                                parameter(block, "running_mean"),
                                parameter(block, "running_var"),
                                momentum,
                                epsilon));
    }

    /**
     * Adds a rectified linear unit.
     *
     * @param input any shape
     * @return an array of the input's shape
     */
    public Value relu(Value input) {
        return add(input.name() + ".relu", output -> new Operation.Relu(output, input, false));
    }

    /**
     * Adds a Gaussian error linear unit.
     *
     * @param input any shape
     * @return an array of the input's shape
     */
    public Value gelu(Value input) {
        return add(input.name() + ".gelu", output -> new Operation.Gelu(output, input));
    }

    /**
     * Adds a logistic sigmoid.
     *
     * @param input any shape
     * @return an array of the input's shape
     */
    public Value sigmoid(Value input) {
        return add(input.name() + ".sigmoid", output -> new Operation.Sigmoid(output, input));
    }

    /**
     * Adds a flattening.
     *
     * @param input (N, C, H, W)
     * @return (N, C · H · W)
     */
    public Value flatten(Value input) {
        return add(input.name() + ".flat", output -> new Operation.Flatten(output, input));
    }

    /**
     * Adds the opposite of a flattening.
     *
     * @param input (N, channels · height · width)
     * @param channels the number of channels
     * @param height the height
     * @param width the width
     * @return (N, channels, height, width)
     */
    public Value unflatten(Value input, int channels, int height, int width) {
        Window.Pair size = new Window.Pair(height, width);
        return add(
                input.name() + ".map",
                output -> new Operation.Unflatten(output, input, channels, size));
    }

    /**
     * Adds the classes of the examples to their values.
     *
     * @param input (N, A)
     * @param labels the classes, int32, (N)
     * @param classes the number of classes
     * @return (N, A + classes)
     */
    public Value withClasses(Value input, Value labels, int classes) {
        Value hot = add("classes", output -> new Operation.OneHot(output, labels, classes));
        return add(
                input.name() + ".with_class",
                output -> new Operation.Concatenate(output, input, hot));
    }

    /**
     * Adds a sample of a normal distribution, mean + exp(exponent · logVariance) · noise.
     *
     * @param mean (N, L)
     * @param logVariance (N, L)
     * @param noise standard normal values, (N, L)
     * @param exponent 0.5 for a sample of that variance
     * @return (N, L)
     */
    public Value sample(Value mean, Value logVariance, Value noise, double exponent) {
        return add(
                "latent",
                output -> new Operation.Sample(output, mean, logVariance, noise, exponent));
    }

    /**
     * Returns a tensor of a block, for an operation that needs it or a network that has it as an
     * output.
     *
     * @param block the block that holds it itself
     * @param role the last part of its name
     * @return the tensor; null if the block has none
     */
    public Value parameter(Block block, String role) {
        for (Pair<String, Parameter> direct : block.getDirectParameters()) {
            String name = name(direct.getValue());
            if (name.equals(role) || name.endsWith("." + role)) {
                return new Value(name);
            }
        }
        return null;
    }

    /**
     * Adds a product with a constant.
     *
     * @param input any shape
     * @param factor the constant
     * @return an array of the input's shape
     */
    public Value scale(Value input, double factor) {
        return add(input.name() + ".scaled", output -> new Operation.Scale(output, input, factor));
    }

    /**
     * Adds the sum of a residual branch and its shortcut.
     *
     * @param branch any shape
     * @param shortcut the same shape
     * @param block the residual branch's block, from which the sum gets its name
     * @return their sum
     */
    public Value sum(Value branch, Value shortcut, Block block) {
        String name = commonPrefix(block);
        return add(
                name.isEmpty() ? "sum" : name + ".sum",
                output -> new Operation.Add(output, branch, shortcut, name, false));
    }

    /**
     * Adds a maximum over a sliding window.
     *
     * @param input (N, C, H, W)
     * @param window kernel, stride and padding, which is never the maximum
     * @return (N, C, H', W')
     */
    public Value maxPool(Value input, Window window) {
        return add("maxpool", output -> new Operation.MaxPool(output, input, window));
    }

    /**
     * Adds a mean over a sliding window without padding; windows that extend past the edge average
     * only the values inside.
     *
     * @param input (N, C, H, W)
     * @param window kernel and stride
     * @return (N, C, H', W')
     */
    public Value averagePool(Value input, Window window) {
        return add(
                input.name() + ".avgpool",
                output -> new Operation.AveragePool(output, input, window));
    }

    /**
     * Adds the mean over each map.
     *
     * @param input (N, C, H, W)
     * @return (N, C)
     */
    public Value globalAveragePool(Value input) {
        return add("avgpool", output -> new Operation.GlobalAveragePool(output, input));
    }

    /**
     * Adds the maximum of each map.
     *
     * @param input (N, C, H, W)
     * @return (N, C)
     */
    public Value globalMaxPool(Value input) {
        return add("maxpool", output -> new Operation.GlobalMaxPool(output, input));
    }

    /**
     * Adds the selection of every step-th row and column, starting with the first.
     *
     * @param input (N, C, H, W)
     * @param step the step
     * @return (N, C, ⌈H/step⌉, ⌈W/step⌉)
     */
    public Value subsample(Value input, int step) {
        return add(
                input.name() + ".subsampled",
                output -> new Operation.Subsample(output, input, step));
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
        return add(
                input.name() + ".padded",
                output -> new Operation.PadChannels(output, input, before, after));
    }

    private Value add(String name, Function<Value, Operation> operation) {
        String free = name;
        for (int i = 2; !taken.add(free); i++) {
            free = name + i;
        }
        Value output = new Value(free);
        operations.add(operation.apply(output));
        return output;
    }

    /** The name of a layer: the prefix of its tensors' names. */
    private String layer(Block block) {
        String first = name(block.getDirectParameters().valueAt(0));
        int dot = first.lastIndexOf('.');
        return dot < 0 ? "layer" : first.substring(0, dot);
    }

    /** The longest prefix that the names of all tensors of a block share, in whole words. */
    private String commonPrefix(Block block) {
        String common = null;
        for (Pair<String, Parameter> parameter : block.getParameters()) {
            String name = name(parameter.getValue());
            while (common != null && !name.startsWith(common + ".")) {
                common = common.contains(".") ? common.substring(0, common.lastIndexOf('.')) : "";
                if (common.isEmpty()) {
                    return "";
                }
            }
            if (common == null) {
                common = name.substring(0, Math.max(0, name.lastIndexOf('.')));
            }
        }
        return common == null ? "" : common;
    }

    private String name(Parameter parameter) {
        String name = names.get(parameter);
        if (name == null) {
            throw new IllegalArgumentException(
                    "The parameter " + parameter.getName() + " has no name in the network.");
        }
        return name;
    }
}
