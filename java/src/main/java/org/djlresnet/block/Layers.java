package org.djlresnet.block;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.core.Linear;
import ai.djl.nn.pooling.Pool;
import org.djlresnet.graph.GraphBuilder;
import org.djlresnet.graph.Window;

/** Creates the layers of residual networks, for arrays of shape (N, C, H, W). */
public final class Layers {

    private Layers() {}

    /**
     * Creates a convolution with a square kernel, padded so that stride 1 keeps the height and
     * width.
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
     * Creates a grouped convolution with a square kernel, padded so that stride 1 keeps the height
     * and width.
     *
     * @param channels the number of output channels, a multiple of the groups
     * @param kernelSize the kernel's height and width, an odd number
     * @param stride the stride over height and width
     * @param bias whether to add a bias to each output channel
     * @param groups the number of groups of input and output channels; an output depends only on
     *     the inputs of its own group
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
                array -> array.getNDArrayInternal().relu(), shape -> shape, GraphBuilder::relu);
    }

    /**
     * Creates a Gaussian error linear unit, x · Φ(x), by the error function.
     *
     * @return the block, which keeps the shape
     */
    public static Block gelu() {
        return new FunctionBlock(
                array -> array.getNDArrayInternal().gelu(), shape -> shape, GraphBuilder::gelu);
    }

    /**
     * Creates a logistic sigmoid, 1 / (1 + exp(−x)).
     *
     * @return the block, which keeps the shape
     */
    public static Block sigmoid() {
        return new FunctionBlock(
                array -> array.getNDArrayInternal().sigmoid(),
                shape -> shape,
                GraphBuilder::sigmoid);
    }

    /**
     * Creates a flattening.
     *
     * @return the block, from (N, C, H, W) to (N, C · H · W)
     */
    public static Block flatten() {
        return new FunctionBlock(
                array -> array.reshape(array.getShape().get(0), -1),
                shape -> new Shape(shape.get(0), shape.size() / shape.get(0)),
                GraphBuilder::flatten);
    }

    /**
     * Creates the opposite of a flattening.
     *
     * @param channels the number of channels
     * @param height the height
     * @param width the width
     * @return the block, from (N, channels · height · width) to (N, channels, height, width)
     */
    public static Block unflatten(int channels, int height, int width) {
        return new FunctionBlock(
                array -> array.reshape(array.getShape().get(0), channels, height, width),
                shape -> new Shape(shape.get(0), channels, height, width),
                (graph, input) -> graph.unflatten(input, channels, height, width));
    }

    /**
     * Creates a product with a constant.
     *
     * @param factor the constant
     * @return the block, which keeps the shape
     */
    public static Block scale(double factor) {
        return new FunctionBlock(
                // on the batch's manager, so that it lives until the backward pass
                array ->
                        array.mul(
                                array.getManager()
                                        .create(factor)
                                        .toType(array.getDataType(), false)),
                shape -> shape,
                (graph, input) -> graph.scale(input, factor));
    }

    /**
     * Creates an identity.
     *
     * @return the block, which returns its input itself
     */
    public static Block identity() {
        return new FunctionBlock(array -> array, shape -> shape, (graph, input) -> input);
    }

    /**
     * Creates a max pooling with square windows.
     *
     * @param kernelSize the window's height and width
     * @param stride the stride over height and width
     * @param padding the rows and columns of minus infinity added on each side
     * @return the block
     */
    public static Block maxPool(int kernelSize, int stride, int padding) {
        Shape kernel = new Shape(kernelSize, kernelSize);
        Shape steps = new Shape(stride, stride);
        Shape pads = new Shape(padding, padding);
        return new FunctionBlock(
                array -> Pool.maxPool2d(array, kernel, steps, pads, false),
                shape ->
                        new Shape(
                                shape.get(0),
                                shape.get(1),
                                (shape.get(2) + 2L * padding - kernelSize) / stride + 1,
                                (shape.get(3) + 2L * padding - kernelSize) / stride + 1),
                (graph, input) -> graph.maxPool(input, Window.square(kernelSize, stride, padding)));
    }

    /**
     * Creates a global average pooling.
     *
     * @return the block, from (N, C, H, W) to (N, C)
     */
    public static Block globalAveragePool() {
        return new FunctionBlock(
                Pool::globalAvgPool2d, shape -> shape.slice(0, 2), GraphBuilder::globalAveragePool);
    }

    /**
     * Creates a global max pooling.
     *
     * @return the block, from (N, C, H, W) to (N, C)
     */
    public static Block globalMaxPool() {
        return new FunctionBlock(
                Pool::globalMaxPool2d, shape -> shape.slice(0, 2), GraphBuilder::globalMaxPool);
    }

    /**
     * Creates a fully connected layer with a bias.
     *
     * @param units the number of outputs
     * @return the block, from (N, features) to (N, units)
     */
    public static Linear linear(int units) {
        return linear(units, true);
    }

    /**
     * Creates a fully connected layer.
     *
     * @param units the number of outputs
     * @param bias whether to add a bias to each output
     * @return the block, from (N, features) to (N, units)
     */
    public static Linear linear(int units, boolean bias) {
        return Linear.builder().setUnits(units).optBias(bias).build();
    }
}
