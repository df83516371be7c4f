package org.djlresnet.block;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.core.Linear;
import ai.djl.nn.pooling.Pool;
import org.djlresnet.block.FunctionBlock.Law;

/** The plain layers of a residual network, on arrays of shape (N, C, H, W). */
public final class Layers {

    private Layers() {}

    /**
     * Creates a square convolution, padded so that stride 1 keeps the size of the map.
     *
     * @param channels the number of output channels
     * @param kernelSize the kernel's height and width, an odd number
     * @param stride the stride over height and width
     * @param bias whether to add a bias to each output channel
     * @return the convolution
     */
    public static Convolution convolution(
            int channels, int kernelSize, Shape stride, boolean bias) {
        return convolution(channels, kernelSize, stride, bias, 1);
    }

    /**
     * Creates a square convolution in groups, padded so that stride 1 keeps the size of the map.
     *
     * @param channels the number of output channels, a multiple of the groups
     * @param kernelSize the kernel's height and width, an odd number
     * @param stride the stride over height and width
     * @param bias whether to add a bias to each output channel
     * @param groups into how many groups input and output channels are split, each output seeing
     *     the inputs of its own group only
     * @return the convolution
     */
    public static Convolution convolution(
            int channels, int kernelSize, Shape stride, boolean bias, int groups) {
        return new Convolution(channels, kernelSize, stride, bias, groups);
    }

    /**
     * Creates a rectified linear unit.
     *
     * @return the block, which keeps the shape
     */
    public static Block relu() {
        return new FunctionBlock(
                Law.MONOTONE,
                array -> array.getNDArrayInternal().relu(),
                shape -> shape,
                Graph::relu);
    }

    /**
     * Creates the shortcut that changes nothing.
     *
     * @return the block, whose output is its very input
     */
    public static Block identity() {
        return new FunctionBlock(Law.NONE, array -> array, shape -> shape, (graph, input) -> input);
    }

    /**
     * Creates a square max pooling.
     *
     * @param kernelSize the window's height and width
     * @param stride the step of the window over height and width
     * @param padding the rows and columns added on each side, which never win
     * @return the block
     */
    public static Block maxPool(int kernelSize, int stride, int padding) {
        Shape kernel = new Shape(kernelSize, kernelSize);
        Shape steps = new Shape(stride, stride);
        Shape pads = new Shape(padding, padding);
        return new FunctionBlock(
                Law.MAXIMUM,
                array -> Pool.maxPool2d(array, kernel, steps, pads, false),
                shape ->
                        new Shape(
                                shape.get(0),
                                shape.get(1),
                                (shape.get(2) + 2L * padding - kernelSize) / stride + 1,
                                (shape.get(3) + 2L * padding - kernelSize) / stride + 1),
                (graph, input) -> graph.maxPool(input, kernelSize, stride, padding));
    }

    /**
     * Creates the mean over each map.
     *
     * @return the block, from (N, C, H, W) to (N, C)
     */
    public static Block globalAveragePool() {
        return new FunctionBlock(
                Law.NONE,
                Pool::globalAvgPool2d,
                shape -> shape.slice(0, 2),
                Graph::globalAveragePool);
    }

    /**
     * Creates a fully connected layer with a bias.
     *
     * @param units the number of outputs
     * @return the block, from (N, features) to (N, units)
     */
    public static Linear linear(int units) {
        return Linear.builder().setUnits(units).build();
    }
}
