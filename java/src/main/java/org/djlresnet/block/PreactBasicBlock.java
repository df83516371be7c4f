package org.djlresnet.block;

/**
 * A residual block with two 3×3 convolutions and full pre-activation, F(x) + shortcut(x).
 *
 * <p>F is batch normalization, ReLU and convolution, twice. If the shape changes, the shortcut
 * starts after the first batch normalization and ReLU, and a projection has no batch normalization
 * of its own.
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
     * @param activated whether the input has already passed through batch normalization and ReLU,
     *     as after the stem; the block then omits its own first ones
     * @param options shortcut, stride placement and batch normalization
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
