package org.djlresnet.block;

/**
 * A residual block with two 3×3 convolutions, relu(F(x) + shortcut(x)).
 *
 * <p>F is convolution, batch normalization, ReLU, convolution, batch normalization, without biases.
 * The shortcut is the identity unless the shape changes.
 *
 * <p>Shapes: (N, inChannels, H, W) → (N, channels, ⌈H/stride⌉, ⌈W/stride⌉).
 *
 * <p>Tensor names follow torchvision's BasicBlock. Source: He et al., "Deep Residual Learning for
 * Image Recognition", 2015, figure 5 left.
 *
 * <pre>{@code
 * Block block = new BasicBlock(64, 128, 2);
 * block.getOutputShapes(new Shape[] {new Shape(2, 64, 32, 32)}); // (2, 128, 16, 16)
 * }</pre>
 */
public final class BasicBlock extends ResidualBuildingBlock {

    /**
     * Creates torchvision's block.
     *
     * @param inChannels the number of input channels, at least 1
     * @param channels the number of output channels, at least 1
     * @param stride the stride over height and width, at least 1
     * @throws IllegalArgumentException if a number is below 1
     */
    public BasicBlock(int inChannels, int channels, int stride) {
        this(inChannels, channels, stride, BlockOptions.BASIC);
    }

    /**
     * Creates a block.
     *
     * @param inChannels the number of input channels, at least 1
     * @param channels the number of output channels, at least 1
     * @param stride the stride over height and width, at least 1
     * @param options shortcut, stride placement and batch normalization
     * @throws IllegalArgumentException if a number is below 1
     */
    public BasicBlock(int inChannels, int channels, int stride, BlockOptions options) {
        super(inChannels, channels, stride);
        addConvolutions(branch, inChannels, channels, stride, options);
        BatchNorm norm = new BatchNorm(options.normMomentum(), false);
        addSum(options.shortcut(), channels, stride, norm);
        append("relu", Layers.relu());
    }

    static void addConvolutions(
            NamedChain chain, int inChannels, int channels, int stride, BlockOptions options) {
        boolean first = options.stridePlacement() == StridePlacement.FIRST;
        int middle = first ? channels : inChannels;
        float momentum = options.normMomentum();
        chain.add("conv1", convolution(middle, 3, first ? stride : 1, 1));
        chain.add("bn1", new BatchNorm(momentum, false));
        chain.append("relu", Layers.relu());
        chain.add("conv2", convolution(channels, 3, first ? 1 : stride, 1));
        chain.add("bn2", new BatchNorm(momentum, options.zeroInitLastGamma()));
    }
}
