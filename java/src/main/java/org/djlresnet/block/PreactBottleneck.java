package org.djlresnet.block;

/**
 * A residual bottleneck with full pre-activation, F(x) + shortcut(x): a 1×1 convolution that
 * reduces the channels, a 3×3 convolution and a 1×1 convolution that expands them.
 *
 * <p>F is batch normalization, ReLU and convolution, three times. If the shape changes, the
 * shortcut starts after the first batch normalization and ReLU, and a projection has no batch
 * normalization of its own.
 *
 * <p>Shapes: (N, inChannels, H, W) → (N, channels, ⌈H/stride⌉, ⌈W/stride⌉), with {@code width}
 * channels in between.
 *
 * <p>Source: He et al., "Identity Mappings in Deep Residual Networks", 2016, figure 4 (e).
 */
public final class PreactBottleneck extends PreactBlock {

    /**
     * Creates a block with the stride on the 3×3 convolution.
     *
     * @param inChannels the number of input channels, at least 1
     * @param width the channels of the 3×3 convolution, at least 1
     * @param channels the number of output channels, at least 1
     * @param stride the stride over height and width, at least 1
     */
    public PreactBottleneck(int inChannels, int width, int channels, int stride) {
        this(inChannels, width, channels, stride, false, BlockOptions.BOTTLENECK);
    }

    /**
     * Creates a block.
     *
     * @param inChannels the number of input channels, at least 1
     * @param width the channels of the 3×3 convolution, a multiple of the groups
     * @param channels the number of output channels, at least 1
     * @param stride the stride over height and width, at least 1
     * @param activated whether the input has already passed through batch normalization and ReLU,
     *     as after the stem; the block then omits its own first ones
     * @param options shortcut, stride placement, groups and batch normalization
     */
    public PreactBottleneck(
            int inChannels,
            int width,
            int channels,
            int stride,
            boolean activated,
            BlockOptions options) {
        super(inChannels, channels, stride, activated, options);
        Bottleneck.requireWidth(width, options.groups());
        boolean first = options.stridePlacement() == StridePlacement.FIRST;
        addConvolution(width, 1, first ? stride : 1, 1);
        addConvolution(width, 3, first ? 1 : stride, options.groups());
        addConvolution(channels, 1, 1, 1);
        finish(channels, stride, options);
    }
}
