package org.djlresnet.model;

/** The two kinds of residual branches. */
public enum BlockKind {
    /** Two 3×3 convolutions. */
    BASIC(1, 2),
    /** A 1×1, a 3×3 and a 1×1 convolution, whose output is four times as wide as the stage. */
    BOTTLENECK(4, 3);

    private final int expansion;
    private final int convolutions;

    BlockKind(int expansion, int convolutions) {
        this.expansion = expansion;
        this.convolutions = convolutions;
    }

    /**
     * Returns how much wider a block's output is than its stage's channels.
     *
     * @return the factor
     */
    public int expansion() {
        return expansion;
    }

    /**
     * Returns how many weighted layers a block counts as.
     *
     * @return the number of its convolutions
     */
    public int convolutions() {
        return convolutions;
    }
}
