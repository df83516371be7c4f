package org.djlresnet.block;

/**
 * Options of residual blocks.
 *
 * @param shortcut the shortcut where the shape changes; elsewhere it is the identity
 * @param stridePlacement the convolution that has the stride
 * @param groups the groups of a bottleneck's 3×3 convolution; 1 for basic blocks
 * @param normMomentum the weight of the old statistics in batch normalization, from 0 to 1
 * @param zeroInitLastGamma whether the branch's last batch normalization starts with gamma 0, so
 *     that the block starts as its shortcut (Goyal et al., 2017)
 */
public record BlockOptions(
        Shortcut shortcut,
        StridePlacement stridePlacement,
        int groups,
        float normMomentum,
        boolean zeroInitLastGamma) {

    /** The options of torchvision's basic block. */
    public static final BlockOptions BASIC =
            new BlockOptions(
                    Shortcut.PROJECTION, StridePlacement.FIRST, 1, BatchNorm.MOMENTUM, false);

    /** The options of torchvision's bottleneck. */
    public static final BlockOptions BOTTLENECK = BASIC.with(StridePlacement.SECOND);

    /**
     * Replaces the shortcut.
     *
     * @param other the shortcut where the shape changes
     * @return new options
     */
    public BlockOptions with(Shortcut other) {
        return new BlockOptions(other, stridePlacement, groups, normMomentum, zeroInitLastGamma);
    }

    /**
     * Replaces the stride placement.
     *
     * @param other the convolution that has the stride
     * @return new options
     */
    public BlockOptions with(StridePlacement other) {
        return new BlockOptions(shortcut, other, groups, normMomentum, zeroInitLastGamma);
    }

    /**
     * Replaces the number of groups.
     *
     * @param other the groups of a bottleneck's 3×3 convolution, at least 1
     * @return new options
     */
    public BlockOptions withGroups(int other) {
        return new BlockOptions(shortcut, stridePlacement, other, normMomentum, zeroInitLastGamma);
    }

    /**
     * Replaces the momentum of batch normalization.
     *
     * @param other the weight of the old statistics, from 0 to 1
     * @return new options
     */
    public BlockOptions withNormMomentum(float other) {
        return new BlockOptions(shortcut, stridePlacement, groups, other, zeroInitLastGamma);
    }

    /**
     * Replaces the initialization of the last gamma.
     *
     * @param other whether it is 0 rather than 1
     * @return new options
     */
    public BlockOptions withZeroInitLastGamma(boolean other) {
        return new BlockOptions(shortcut, stridePlacement, groups, normMomentum, other);
    }
}
