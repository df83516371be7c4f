package org.djlresnet.block;

/**
 * A residual block with a 1×1 convolution that reduces the channels, a 3×3 convolution and a 1×1
 * convolution that expands them, relu(F(x) + shortcut(x)).
 *
 * <p>In F, batch normalization follows each convolution, and ReLU the first two; there are no
 * biases. The shortcut is the identity unless the shape changes.
 *
 * <p>Shapes: (N, inChannels, H, W) → (N, channels, ⌈H/stride⌉, ⌈W/stride⌉), with {@code width}
 * channels in between.
 *
 * <p>Tensor names follow torchvision's Bottleneck. Source: He et al., "Deep Residual Learning for
 * Image Recognition", 2015, figure 5 right; for groups, Xie et al., "Aggregated Residual
 * Transformations", 2016.
 *
 * <pre>{@code
 * Block block = new Bottleneck(64, 32, 128, 1);
 * block.getOutputShapes(new Shape[] {new Shape(2, 64, 32, 32)}); // (2, 128, 32, 32)
 * }</pre>
 */
public final class Bottleneck extends ResidualBuildingBlock {

    /**
     * Creates torchvision's block.
     *
     * @param inChannels the number of input channels, at least 1
     * @param width the channels of the 3×3 convolution, at least 1
     * @param channels the number of output channels, at least 1
     * @param stride the stride over height and width, at least 1
     * @throws IllegalArgumentException if a number is below 1
     */
    public Bottleneck(int inChannels, int width, int channels, int stride) {
        this(inChannels, width, channels, stride, BlockOptions.BOTTLENECK);
    }

    /**
     * Creates a block.
     *
     * @param inChannels the number of input channels, at least 1
     * @param width the channels of the 3×3 convolution, a multiple of the groups
     * @param channels the number of output channels, at least 1
     * @param stride the stride over height and width, at least 1
     * @param options shortcut, stride placement, groups and batch normalization
     * @throws IllegalArgumentException if a number is below 1 or the groups do not divide the width
     */
    public Bottleneck(int inChannels, int width, int channels, int stride, BlockOptions options) {
        super(inChannels, channels, stride);
        requireWidth(width, options.groups());
        boolean first = options.stridePlacement() == StridePlacement.FIRST;
        float momentum = options.normMomentum();
        branch.add("conv1", convolution(width, 1, first ? stride : 1, 1));
        branch.add("bn1", new BatchNorm(momentum, false));
        branch.append("relu", Layers.relu());
        branch.add("conv2", convolution(width, 3, first ? 1 : stride, options.groups()));
        branch.add("bn2", new BatchNorm(momentum, false));
        branch.append("relu", Layers.relu());
        branch.add("conv3", convolution(channels, 1, 1, 1));
        branch.add("bn3", new BatchNorm(momentum, options.zeroInitLastGamma()));
        BatchNorm norm = new BatchNorm(momentum, false);
        addSum(options.shortcut(), channels, stride, norm);
        append("relu", Layers.relu());
    }

    static void requireWidth(int width, int groups) {
        requirePositive("width", width);
        requirePositive("groups", groups);
        if (width % groups != 0) {
            throw new IllegalArgumentException(
                    "width must be a multiple of groups. Received: width="
                            + width
                            + ", groups="
                            + groups);
        }
    }
}
