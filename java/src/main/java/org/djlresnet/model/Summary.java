package org.djlresnet.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.ParallelBlock;
import ai.djl.nn.core.Linear;
import ai.djl.util.Pair;
import java.util.ArrayList;
import java.util.List;
import org.djlresnet.block.BatchNorm;
import org.djlresnet.block.Convolution;
import org.djlresnet.block.LogScale;
import org.djlresnet.block.TransposedConvolution;
import org.djlresnet.block.Whitening;

/**
 * Lists the layers of a network with their output shapes, parameters and multiply-adds, computed
 * from shapes only.
 *
 * @param layers the layers down to the requested depth, each parent before its children
 * @param parameters the number of parameters, running statistics included
 * @param trainableParameters the number of parameters with gradients
 * @param multiplyAdds the multiply-adds of convolutions and linear layers for one example
 */
public record Summary(
        List<Layer> layers, long parameters, long trainableParameters, long multiplyAdds) {

    /**
     * A block of a network.
     *
     * @param name the names of the block and its parents, joined by slashes
     * @param type the name of the block's class
     * @param outputShape the shape of its output
     * @param parameters the number of its parameters, running statistics included
     * @param multiplyAdds its multiply-adds for one example
     */
    public record Layer(
            String name, String type, Shape outputShape, long parameters, long multiplyAdds) {}

    private record Cost(long parameters, long trainable, long multiplyAdds) {
        private static final Cost NONE = new Cost(0, 0, 0);

        Cost plus(Cost other) {
            return new Cost(
                    Math.addExact(parameters, other.parameters),
                    Math.addExact(trainable, other.trainable),
                    Math.addExact(multiplyAdds, other.multiplyAdds));
        }
    }

    /**
     * Summarizes a network, initialized or not.
     *
     * @param block the network
     * @param input the shape of its input, (N, C, H, W)
     * @param depth the depth of the list; 1 lists the network's own children
     * @return the summary
     * @throws ArithmeticException if a number does not fit in 64 bits
     */
    public static Summary of(Block block, Shape input, int depth) {
        List<Layer> layers = new ArrayList<>();
        Cost total = addChildren(block, input, "", depth, layers);
        return new Summary(
                List.copyOf(layers), total.parameters, total.trainable, total.multiplyAdds);
    }

    private static Cost addChildren(
            Block block, Shape input, String prefix, int depth, List<Layer> layers) {
        Cost total = Cost.NONE;
        Shape shape = input;
        for (Pair<String, Block> child : block.getChildren()) {
            Block part = child.getValue();
            String name = prefix + child.getKey();
            List<Layer> parts = new ArrayList<>();
            Cost cost =
                    part.getChildren().isEmpty()
                            ? leafCost(part, shape)
                            : addChildren(part, shape, name + "/", depth - 1, parts);
            Shape output = part.getOutputShapes(new Shape[] {shape})[0];
            if (depth > 0) {
                layers.add(
                        new Layer(
                                name,
                                part.getClass().getSimpleName(),
                                output,
                                cost.parameters,
                                cost.multiplyAdds));
                layers.addAll(parts);
            }
            total = total.plus(cost);
            // all branches of a ParallelBlock receive its input
            shape = block instanceof ParallelBlock ? input : output;
        }
        return total;
    }

    private static Cost leafCost(Block leaf, Shape input) {
        if (leaf instanceof Convolution convolution) {
            Shape output = convolution.getOutputShapes(new Shape[] {input})[0];
            long weights = convolution.weightShape(input.get(1)).size();
            long parameters = weights + (convolution.hasBias() ? output.get(1) : 0);
            return new Cost(parameters, parameters, product(weights, output.get(2), output.get(3)));
        }
        if (leaf instanceof TransposedConvolution convolution) {
            Shape output = convolution.getOutputShapes(new Shape[] {input})[0];
            long weights = convolution.weightShape(input.get(1)).size();
            long parameters = weights + (convolution.hasBias() ? output.get(1) : 0);
            return new Cost(parameters, parameters, product(weights, input.get(2), input.get(3)));
        }
        if (leaf instanceof LogScale scale) {
            return new Cost(1, scale.isTrained() ? 1 : 0, 0);
        }
        if (leaf instanceof Whitening) {
            Shape output = leaf.getOutputShapes(new Shape[] {input})[0];
            long weights = Whitening.weights(input.get(1));
            long biases = output.get(1);
            long adds = product(weights, output.get(2), output.get(3));
            return new Cost(weights + biases, biases, adds);
        }
        if (leaf instanceof BatchNorm norm) {
            long channels = input.get(1);
            return new Cost(4 * channels, (norm.trainsGamma() ? 2 : 1) * channels, 0);
        }
        if (leaf instanceof Linear) {
            long units = leaf.getOutputShapes(new Shape[] {input})[0].get(1);
            long weights = product(input.get(1), units);
            long parameters = weights + (leaf.getDirectParameters().contains("bias") ? units : 0);
            return new Cost(parameters, parameters, weights);
        }
        return Cost.NONE;
    }

    private static long product(long... factors) {
        long product = 1;
        for (long factor : factors) {
            product = Math.multiplyExact(product, factor);
        }
        return product;
    }
}
