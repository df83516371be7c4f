package org.djlresnet.block;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Parameter;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.Locale;
import org.djlresnet.graph.Described;
import org.djlresnet.graph.GraphBuilder;
import org.djlresnet.graph.Value;

/**
 * A transposed convolution with an odd square kernel, whose output is the input's size times the
 * stride.
 *
 * <p>Shapes: (N, C, H, W) → (N, channels, H · stride, W · stride). The weight is (C, channels,
 * kernel, kernel), the bias (channels).
 *
 * <p>Computes the same as PyTorch's {@code ConvTranspose2d} with {@code padding=kernel // 2} and
 * {@code output_padding=stride - 1}, and as Keras's {@code Conv2DTranspose} with a kernel of 1. As
 * DJL has none on PyTorch, it is a convolution with the transposed, flipped weight over the input
 * with zeros between its rows and columns.
 */
public final class TransposedConvolution extends AbstractBlock implements Described {

    private static final byte VERSION = 1;
    private static final Shape ONE = new Shape(1, 1);

    private final int channels;
    private final int kernelSize;
    private final int stride;
    private final Parameter weight;
    private final Parameter bias;

    /**
     * Creates a layer whose number of input channels is inferred from its first input.
     *
     * @param channels the number of output channels
     * @param kernelSize the kernel's height and width, an odd number
     * @param stride the factor of the height and width
     * @param bias whether to add a bias to each output channel
     * @throws IllegalArgumentException if the kernel is even, or a number is below 1
     */
    public TransposedConvolution(int channels, int kernelSize, int stride, boolean bias) {
        super(VERSION);
        if (channels < 1 || stride < 1 || kernelSize % 2 != 1) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "A transposed convolution needs an odd kernel, and channels and a"
                                    + " stride of at least 1. Received: channels=%d,"
                                    + " kernelSize=%d, stride=%d.",
                            channels,
                            kernelSize,
                            stride));
        }
        this.channels = channels;
        this.kernelSize = kernelSize;
        this.stride = stride;
        weight = parameter("weight", Parameter.Type.WEIGHT);
        this.bias = bias ? parameter("bias", Parameter.Type.BIAS) : null;
    }

    private Parameter parameter(String name, Parameter.Type type) {
        return addParameter(Parameter.builder().setName(name).setType(type).build());
    }

    /**
     * Returns the weight's shape.
     *
     * @param inChannels the number of input channels
     * @return (inChannels, channels, kernel, kernel)
     */
    public Shape weightShape(long inChannels) {
        return new Shape(inChannels, channels, kernelSize, kernelSize);
    }

    /**
     * Returns whether this layer has a bias.
     *
     * @return whether it has one
     */
    public boolean hasBias() {
        return bias != null;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            PairList<String, Object> params) {
        NDArray input = inputs.singletonOrThrow();
        Device device = input.getDevice();
        NDArray w = parameterStore.getValue(weight, device, training).transpose(1, 0, 2, 3);
        NDArray flipped = kernelSize == 1 ? w : w.flip(2, 3);
        NDArray b = bias == null ? null : parameterStore.getValue(bias, device, training);
        Shape padding = new Shape(kernelSize / 2, kernelSize / 2);
        return Conv2d.conv2d(spread(input), flipped, b, ONE, padding, ONE, 1);
    }

    /** Puts stride - 1 zeros after each value of a row and of a column. */
    private NDArray spread(NDArray map) {
        if (stride == 1) {
            return map;
        }
        Shape shape = map.getShape();
        long n = shape.get(0);
        long c = shape.get(1);
        long h = shape.get(2);
        long w = shape.get(3);
        NDArray columns = followed(map.reshape(n, c, h, 1, w, 1), 5);
        return followed(columns, 3).reshape(n, c, h * stride, w * stride);
    }

    private NDArray followed(NDArray values, int axis) {
        long[] shape = values.getShape().getShape().clone();
        shape[axis] = stride - 1L;
        NDArray zeros = values.getManager().zeros(new Shape(shape), values.getDataType());
        return values.concat(zeros, axis);
    }

    @Override
    protected void prepare(Shape[] inputShapes) {
        weight.setShape(weightShape(inputShapes[0].get(1)));
        if (bias != null) {
            bias.setShape(new Shape(channels));
        }
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        Shape in = inputShapes[0];
        return new Shape[] {new Shape(in.get(0), channels, in.get(2) * stride, in.get(3) * stride)};
    }

    @Override
    public Value describe(GraphBuilder graph, Value input) {
        return graph.transposedConvolution(input, this, kernelSize, stride);
    }
}
