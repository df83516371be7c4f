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
import org.djlresnet.graph.Window;

/**
 * A convolution with a square kernel, padded so that stride 1 keeps the height and width.
 *
 * <p>Shapes: (N, C, H, W) → (N, channels, ⌈H / stride⌉, ⌈W / stride⌉). The weight is (channels, C /
 * groups, kernel, kernel), the bias (channels).
 *
 * <p>Computes the same as DJL's {@code Conv2d}, whose settings cannot be read back.
 */
public final class Convolution extends AbstractBlock implements Described {

    private static final byte VERSION = 1;
    private static final Shape NO_DILATION = new Shape(1, 1);

    private final int channels;
    private final int kernelSize;
    private final Shape stride;
    private final int groups;
    private final Parameter weight;
    private final Parameter bias;

    /**
     * Creates a convolution whose number of input channels is inferred from its first input.
     *
     * @param channels the number of output channels, a multiple of the groups
     * @param kernelSize the kernel's height and width, an odd number
     * @param stride the stride over height and width
     * @param bias whether to add a bias to each output channel
     * @param groups the number of groups of input and output channels; an output depends only on
     *     the inputs of its own group
     * @throws IllegalArgumentException if the kernel is even, a number is below 1, or the groups do
     *     not divide the channels
     */
    public Convolution(int channels, int kernelSize, Shape stride, boolean bias, int groups) {
        super(VERSION);
        if (channels < 1 || groups < 1 || channels % groups != 0 || kernelSize % 2 != 1) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "A convolution needs an odd kernel and channels that its groups divide."
                                    + " Received: channels=%d, kernelSize=%d, groups=%d.",
                            channels,
                            kernelSize,
                            groups));
        }
        this.channels = channels;
        this.kernelSize = kernelSize;
        this.stride = stride;
        this.groups = groups;
        weight =
                addParameter(
                        Parameter.builder()
                                .setName("weight")
                                .setType(Parameter.Type.WEIGHT)
                                .build());
        this.bias =
                bias
                        ? addParameter(
                                Parameter.builder()
                                        .setName("bias")
                                        .setType(Parameter.Type.BIAS)
                                        .build())
                        : null;
    }

    /**
     * Returns the weight's shape.
     *
     * @param inChannels the number of input channels
     * @return (channels, inChannels / groups, kernel, kernel)
     */
    public Shape weightShape(long inChannels) {
        return new Shape(channels, inChannels / groups, kernelSize, kernelSize);
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
        NDArray w = parameterStore.getValue(weight, device, training);
        NDArray b = bias == null ? null : parameterStore.getValue(bias, device, training);
        int padding = kernelSize / 2;
        return Conv2d.conv2d(input, w, b, stride, new Shape(padding, padding), NO_DILATION, groups);
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
        return new Shape[] {
            new Shape(
                    in.get(0),
                    channels,
                    (in.get(2) - 1) / stride.get(0) + 1,
                    (in.get(3) - 1) / stride.get(1) + 1)
        };
    }

    @Override
    public Value describe(GraphBuilder graph, Value input) {
        Window.Pair strides = new Window.Pair((int) stride.get(0), (int) stride.get(1));
        Window window =
                new Window(
                        Window.Pair.square(kernelSize),
                        strides,
                        Window.Pair.square(kernelSize / 2));
        return graph.convolution(input, this, window, groups);
    }
}
