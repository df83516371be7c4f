package org.djlresnet.model;

/** The kinds of residual blocks. */
public enum BlockKind {
    /** Two 3×3 convolutions. */
    BASIC(1, 2),
    /** A 1×1, a 3×3 and a 1×1 convolution, with four times the stage's channels as output. */
    BOTTLENECK(4, 3);

    private final int expansion;
    private final int convolutions;

    BlockKind(int expansion, int convolutions) {
        this.expansion = expansion;
        this.convolutions = convolutions;
    }

    /**
     * Returns the ratio of a block's output channels to its stage's channels.
     *
     * @return the factor
     */
    public int expansion() {
        return expansion;
    }

    /**
     * Returns the number of convolutions, which determines the depth of a network.
     *
     * @return the number
     */
    public int convolutions() {
        return convolutions;
    }
}
