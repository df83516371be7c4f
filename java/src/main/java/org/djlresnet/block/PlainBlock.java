package org.djlresnet.block;

/**
 * A basic block without a shortcut, relu(F(x)), as a baseline for residual blocks.
 *
 * <p>F is 3×3 convolution, batch normalization, ReLU, 3×3 convolution, batch normalization, as in
 * {@link BasicBlock}.
 *
 * <p>Shapes: (N, inChannels, H, W) → (N, channels, ⌈H/stride⌉, ⌈W/stride⌉).
 *
 * <p>Source: the plain networks of He et al., "Deep Residual Learning for Image Recognition", 2015.
 */
public final class PlainBlock extends BuildingBlock {

    /**
     * Creates a block.
     *
     * @param inChannels the number of input channels, at least 1
     * @param channels the number of output channels, at least 1
     * @param stride the stride over height and width, at least 1
     * @param options stride placement and batch normalization; the other options are ignored
     */
    public PlainBlock(int inChannels, int channels, int stride, BlockOptions options) {
        super(inChannels, channels, stride);
        BasicBlock.addConvolutions(this, inChannels, channels, stride, options);
        append("relu", Layers.relu());
    }
}
