package org.djlresnet.block;

/** The convolution of a residual branch that has the stride. */
public enum StridePlacement {
    /**
     * The first: in a bottleneck the 1×1 convolution that reduces the channels, as in He et al.
     * (2015); in a basic block the one that changes the channels.
     */
    FIRST,
    /**
     * The second: in a bottleneck the 3×3 convolution, as in torchvision; in a basic block the
     * second, which then also changes the channels.
     */
    SECOND
}
