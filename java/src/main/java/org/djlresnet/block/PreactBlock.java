package org.djlresnet.block;

/**
 * A residual block with full pre-activation, F(x) + shortcut(x): batch normalization and ReLU
 * precede each convolution, and nothing follows the sum.
 *
 * <p>F has two 3×3 convolutions or, in a bottleneck, a 1×1, a 3×3 and a 1×1 convolution. If the
 * shape changes, the shortcut starts after the first batch normalization and ReLU, as F does, and a
 * projection has no batch normalization of its own. A block whose input has already passed through
 * batch normalization and ReLU, like the first after the stem, omits its own first ones.
 *
 * <p>Shapes: (N, inChannels, H, W) → (N, channels, ⌈H/stride⌉, ⌈W/stride⌉).
 *
 * <p>Source: He et al., "Identity Mappings in Deep Residual Networks", 2016, figure 4 (e) and the
 * appendix.
 */
abstract class PreactBlock extends ResidualBuildingBlock {

    private final float momentum;
    private int convolutions;

    PreactBlock(int inChannels, int channels, int stride, boolean activated, BlockOptions options) {
        super(inChannels, channels, stride);
        momentum = options.normMomentum();
        if (!activated) {
            NamedChain before = keepsShape() ? branch : this;
            before.add("bn1", new BatchNorm(momentum, false));
            before.append("relu", Layers.relu());
        }
    }

    /** Appends a convolution, preceded by batch normalization and ReLU except for the first. */
    final void addConvolution(int channels, int kernelSize, int stride, int groups) {
        convolutions++;
        if (convolutions > 1) {
            branch.add("bn" + convolutions, new BatchNorm(momentum, false));
            branch.append("relu", Layers.relu());
        }
        branch.add("conv" + convolutions, convolution(channels, kernelSize, stride, groups));
    }

    final void finish(int channels, int stride, BlockOptions options) {
        addSum(options.shortcut(), channels, stride, null);
    }
}
