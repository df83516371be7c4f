package org.djlresnet.block;

/**
 * A residual block with one 3×3 convolution, x + gelu(norm(convolution(x))), and nothing after the
 * sum.
 *
 * <p>Shapes: (N, channels, H, W) → the same.
 */
public final class GeluResidual extends ResidualBuildingBlock {

    /**
     * Creates a block.
     *
     * @param channels the number of channels, at least 1
     * @param normMomentum the weight of the old statistics in batch normalization, from 0 to 1
     */
    public GeluResidual(int channels, float normMomentum) {
        super(channels, channels, 1);
        branch.add("conv1", convolution(channels, 3, 1, 1));
        branch.add("bn1", new BatchNorm(normMomentum, false));
        branch.append("gelu", Layers.gelu());
        addSum(Shortcut.PROJECTION, channels, 1, null);
    }
}
