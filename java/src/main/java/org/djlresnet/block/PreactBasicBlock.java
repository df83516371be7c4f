package org.djlresnet.block;

/**
 * The residual block of two 3×3 convolutions with full pre-activation, F(x) + shortcut(x).
 *
 * <p>F is batch normalization, ReLU, convolution, twice. Where the shape changes, the shortcut
 * takes the input after the first batch normalization and ReLU, and a projection has no batch
 * normalization of its own.
 *
 * <p>Shapes: (N, inChannels, H, W) → (N, channels, ⌈H/stride⌉, ⌈W/stride⌉).
 *
 * <p>Source: He et al., "Identity Mappings in Deep Residual Networks", 2016, figure 4 (e).
 */
public final class PreactBasicBlock extends PreactBlock {

    /**
     * Creates a block.
     *
     * @param inChannels the number of input channels, at least 1
     * @param channels the number of output channels, at least 1
     * @param stride the stride over height and width, at least 1
     */
    public PreactBasicBlock(int inChannels, int channels, int stride) {
        this(inChannels, channels, stride, false, BlockOptions.BASIC);
    }

    /**
     * Creates a block.
     *
     * @param inChannels the number of input channels, at least 1
     * @param channels the number of output channels, at least 1
     * @param stride the stride over height and width, at least 1
     * @param activated whether the input has passed through batch normalization and ReLU already,
     *     as after the stem; the block then leaves its own first ones out
     * @param options the shortcut, the stride's placement and the momentum
     */
    public PreactBasicBlock(
            int inChannels, int channels, int stride, boolean activated, BlockOptions options) {
        super(inChannels, channels, stride, activated, options);
        boolean first = options.stridePlacement() == StridePlacement.FIRST;
        addConvolution(first ? channels : inChannels, 3, first ? stride : 1, 1);
        addConvolution(channels, 3, first ? 1 : stride, 1);
        finish(channels, stride, options);
    }
}
