package org.djlresnet.block;

/** Which convolution of a residual branch has the stride. */
public enum StridePlacement {
    /**
     * The first: the 1×1 convolution that narrows a bottleneck, as He et al. (2015) have it; the
     * first of a basic block, which also changes the channels.
     */
    FIRST,
    /**
     * The second: the 3×3 convolution of a bottleneck, as torchvision has it; the second of a basic
     * block, which then also changes the channels.
     */
    SECOND
}
