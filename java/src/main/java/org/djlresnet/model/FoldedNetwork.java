package org.djlresnet.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.core.Linear;
import ai.djl.nn.pooling.Pool;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.djlresnet.block.AveragePool;
import org.djlresnet.block.Graph;
import org.djlresnet.block.PreparedConvolution;
import org.djlresnet.block.ZeroPadding;

/**
 * A snapshot of a network, optimized for evaluation: batch normalization is folded into the
 * preceding convolutions, and each array is freed as soon as it is no longer needed.
 *
 * <p>Its logits differ from those of {@link Network#forward} in evaluation mode only by rounding.
 * Later changes to the network do not affect it. With γ, β, μ, σ² of the batch normalization,
 *
 * <pre>
 * weight' = weight · γ / √(σ² + ε)
 * bias'   = (bias − μ) · γ / √(σ² + ε) + β
 * </pre>
 */
public final class FoldedNetwork implements AutoCloseable {

    private final Map<String, NDArray> tensors;
    private final NDManager manager;
    private final Graph.Value input;
    private final Graph.Value output;
    private final List<Step> steps = new ArrayList<>();
    private final List<PreparedConvolution> convolutions = new ArrayList<>();

    private record Step(
            Function<List<NDArray>, NDArray> operation,
            List<Graph.Value> inputs,
            Graph.Value output) {}

    /**
     * Folds a network.
     *
     * @param network the network, whose parameters must not be closed before this
     */
    public FoldedNetwork(Network network) {
        tensors = network.stateDict();
        manager = network.manager().newSubManager();
        Graph graph = Graph.of(network.block(), network.parameters());
        input = graph.input();
        output = graph.output();
        try {
            List<Graph.Node> nodes = graph.nodes();
            for (int i = 0; i < nodes.size(); i++) {
                Graph.Node node = nodes.get(i);
                Graph.Node next = i + 1 < nodes.size() ? nodes.get(i + 1) : null;
                if (next != null && isFollowedOnlyBy(node, next, nodes)) {
                    if (node.op().equals("convolution") && next.op().equals("batch_norm")) {
                        add(unary(folded(node, next)), node.inputs(), next.output());
                        i++;
                        continue;
                    }
                    if (node.op().equals("relu") && next.op().equals("max_pool")) {
                        // the same values, from a map a quarter of the size
                        add(operation(next), node.inputs(), node.output());
                        add(operation(node), next.inputs(), next.output());
                        i++;
                        continue;
                    }
                }
                add(operation(node), node.inputs(), node.output());
            }
        } catch (RuntimeException | Error failure) {
            manager.close();
            throw failure;
        }
    }

    private static boolean isFollowedOnlyBy(
            Graph.Node node, Graph.Node next, List<Graph.Node> nodes) {
        return next.inputs().equals(List.of(node.output()))
                && nodes.stream().filter(n -> n.inputs().contains(node.output())).count() == 1;
    }

    /**
     * Computes logits.
     *
     * @param images float32, (N, C, H, W), on the network's device; they are not changed
     * @return logits, float32, (N, classes), with the images' manager
     */
    public NDArray forward(NDArray images) {
        Map<Graph.Value, NDArray> values = new HashMap<>();
        values.put(input, images);
        Map<Graph.Value, Integer> uses = new HashMap<>();
        steps.forEach(step -> step.inputs.forEach(value -> uses.merge(value, 1, Integer::sum)));
        for (Step step : steps) {
            List<NDArray> inputs = step.inputs.stream().map(values::get).toList();
            values.put(step.output, step.operation.apply(inputs));
            for (Graph.Value value : step.inputs) {
                if (uses.merge(value, -1, Integer::sum) == 0 && !value.equals(input)) {
                    values.remove(value).close();
                }
            }
        }
        return values.get(output);
    }

    private void add(
            Function<List<NDArray>, NDArray> operation,
            List<Graph.Value> inputs,
            Graph.Value output) {
        steps.add(new Step(operation, inputs, output));
    }

    private static Function<List<NDArray>, NDArray> unary(UnaryOperator<NDArray> operation) {
        return inputs -> operation.apply(inputs.get(0));
    }

    private Function<List<NDArray>, NDArray> operation(Graph.Node node) {
        return node.op().equals("add")
                ? inputs -> inputs.get(0).add(inputs.get(1))
                : unary(unaryOperation(node));
    }

    private UnaryOperator<NDArray> unaryOperation(Graph.Node node) {
        Map<String, Object> attributes = node.attributes();
        switch (node.op()) {
            case "convolution":
                return convolution(node, copy(node, "weight"), bias(node));
            case "batch_norm":
                NDArray scale = channels(scale(node));
                NDArray shift = channels(shift(node, zeros(node)));
                return x -> x.mul(scale).addi(shift);
            case "relu":
                return x -> x.getNDArrayInternal().relu();
            case "max_pool":
                return x ->
                        Pool.maxPool2d(
                                x,
                                shape(attributes, "kernel"),
                                shape(attributes, "stride"),
                                shape(attributes, "padding"),
                                false);
            case "average_pool":
                AveragePool pool =
                        new AveragePool(
                                (int) shape(attributes, "kernel").get(0),
                                (int) shape(attributes, "stride").get(0));
                return x -> pool.forward(null, new NDList(x), false).singletonOrThrow();
            case "global_average_pool":
                return Pool::globalAvgPool2d;
            case "linear":
                NDArray weight = copy(node, "weight");
                NDArray bias = copy(node, "bias");
                return x -> Linear.linear(x, weight, bias).singletonOrThrow();
            case "subsample":
                return x -> ZeroPadding.subsample(x, (int) attributes.get("step"));
            case "pad_channels":
                return x -> pad(x, (int) attributes.get("before"), (int) attributes.get("after"));
            default:
                throw new IllegalArgumentException("An unknown operation: " + node.op());
        }
    }

    private UnaryOperator<NDArray> folded(Graph.Node convolution, Graph.Node norm) {
        NDArray scale = scale(norm);
        NDArray weight = scale.reshape(-1, 1, 1, 1).mul(tensor(convolution, "weight"));
        return convolution(convolution, weight, shift(norm, bias(convolution)));
    }

    private UnaryOperator<NDArray> convolution(Graph.Node node, NDArray weight, NDArray bias) {
        PreparedConvolution convolution =
                new PreparedConvolution(
                        weight,
                        bias,
                        shape(node.attributes(), "stride"),
                        (int) node.attributes().get("groups"));
        convolutions.add(convolution);
        return convolution::apply;
    }

    /** γ / √(σ² + ε). */
    private NDArray scale(Graph.Node norm) {
        float epsilon = (float) norm.attributes().get("epsilon");
        NDArray deviation = tensor(norm, "running_var").add(epsilon).sqrt();
        return tensor(norm, "weight").div(deviation);
    }

    /** Returns the term added to the scaled product: (bias − μ) · scale + β. */
    private NDArray shift(Graph.Node norm, NDArray bias) {
        return bias.sub(tensor(norm, "running_mean")).mul(scale(norm)).add(tensor(norm, "bias"));
    }

    private NDArray bias(Graph.Node node) {
        return node.tensors().containsKey("bias") ? copy(node, "bias") : zeros(node);
    }

    private NDArray zeros(Graph.Node node) {
        long channels = tensors.get(node.tensors().get("weight")).getShape().get(0);
        return manager.zeros(new Shape(channels), DataType.FLOAT32);
    }

    /**
     * Returns a new handle on a tensor, so that arrays derived from it are not owned by the
     * network's manager.
     */
    private NDArray tensor(Graph.Node node, String role) {
        NDArray own = tensors.get(node.tensors().get(role)).stopGradient();
        own.attach(manager);
        return own;
    }

    private NDArray copy(Graph.Node node, String role) {
        return tensor(node, role).duplicate();
    }

    private static NDArray channels(NDArray values) {
        return values.reshape(1, -1, 1, 1);
    }

    private static Shape shape(Map<String, Object> attributes, String name) {
        List<?> pair = (List<?>) attributes.get(name);
        return new Shape(((Number) pair.get(0)).longValue(), ((Number) pair.get(1)).longValue());
    }

    /** Pads as {@link ZeroPadding} does, but into a new array, and frees the zeros. */
    private static NDArray pad(NDArray x, int before, int after) {
        NDList zeros = new NDList();
        NDList parts = new NDList(x);
        if (before > 0) {
            zeros.add(zeros(x, before));
            parts.add(0, zeros.get(0));
        }
        if (after > 0) {
            zeros.add(zeros(x, after));
            parts.add(zeros.get(zeros.size() - 1));
        }
        try (zeros) {
            return NDArrays.concat(parts, 1);
        }
    }

    private static NDArray zeros(NDArray like, int channels) {
        Shape s = like.getShape();
        return like.getManager().zeros(new Shape(s.get(0), channels, s.get(2), s.get(3)));
    }

    /** Frees the folded weights. */
    @Override
    public void close() {
        convolutions.forEach(PreparedConvolution::close);
        manager.close();
    }
}
