package org.djlresnet.block;

/**
 * What distinguishes blocks of the same kind.
 *
 * @param shortcut the shortcut where the shape changes; it is the identity elsewhere
 * @param stridePlacement which convolution has the stride
 * @param groups the groups of a bottleneck's 3×3 convolution; 1 for basic blocks
 * @param normMomentum what batch normalization keeps of its old statistics at each step
 * @param zeroInitLastGamma whether the last batch normalization of the branch begins with scales of
 *     0, so that the block begins as its shortcut (Goyal et al., 2017)
 */
public record BlockOptions(
        Shortcut shortcut,
        StridePlacement stridePlacement,
        int groups,
        float normMomentum,
        boolean zeroInitLastGamma) {

    /** torchvision's basic block. */
    public static final BlockOptions BASIC =
            new BlockOptions(
                    Shortcut.PROJECTION, StridePlacement.FIRST, 1, BatchNorm.MOMENTUM, false);

    /** torchvision's bottleneck. */
    public static final BlockOptions BOTTLENECK = BASIC.with(StridePlacement.SECOND);

    /**
     * Changes the shortcut.
     *
     * @param other the shortcut where the shape changes
     * @return new options
     */
    public BlockOptions with(Shortcut other) {
        return new BlockOptions(other, stridePlacement, groups, normMomentum, zeroInitLastGamma);
    }

    /**
     * Changes the place of the stride.
     *
     * @param other which convolution has it
     * @return new options
     */
    public BlockOptions with(StridePlacement other) {
        return new BlockOptions(shortcut, other, groups, normMomentum, zeroInitLastGamma);
    }

    /**
     * Changes the number of groups.
     *
     * @param other the groups of a bottleneck's 3×3 convolution, at least 1
     * @return new options
     */
    public BlockOptions withGroups(int other) {
        return new BlockOptions(shortcut, stridePlacement, other, normMomentum, zeroInitLastGamma);
    }

    /**
     * Changes the momentum of batch normalization.
     *
     * @param other what it keeps of its old statistics at each step, from 0 to 1
     * @return new options
     */
    public BlockOptions withNormMomentum(float other) {
        return new BlockOptions(shortcut, stridePlacement, groups, other, zeroInitLastGamma);
    }

    /**
     * Changes the start of the last scales.
     *
     * @param other whether they are 0 rather than 1
     * @return new options
     */
    public BlockOptions withZeroInitLastGamma(boolean other) {
        return new BlockOptions(shortcut, stridePlacement, groups, normMomentum, other);
    }
}
