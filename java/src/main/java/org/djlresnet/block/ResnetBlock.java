package org.djlresnet.block;

/**
 * A stage of residual blocks: {@code resnetBlock(numChannels, numResiduals, firstBlock)} of <i>Dive
 * into Deep Learning</i> (Java edition, 7.6).
 *
 * <p>The first residual block of every stage except the network's first halves height and width and
 * projects to the stage's channels; all others keep the shape.
 *
 * <p>Shapes: (N, C, H, W) → (N, numChannels, ⌈H/2⌉, ⌈W/2⌉); for the first stage, (N, numChannels,
 * H, W) unchanged.
 */
public final class ResnetBlock extends NamedChain {

    /**
     * Creates a stage.
     *
     * @param numChannels the number of output channels, at least 1
     * @param numResiduals the number of residual blocks, at least 1
     * @param firstBlock whether this is the network's first stage, which neither halves nor
     *     projects
     * @throws IllegalArgumentException if a number is below 1
     */
    public ResnetBlock(int numChannels, int numResiduals, boolean firstBlock) {
        if (numResiduals < 1) {
            throw new IllegalArgumentException(
                    "numResiduals must be at least 1. Received: " + numResiduals + ".");
        }
        for (int i = 0; i < numResiduals; i++) {
            boolean halves = i == 0 && !firstBlock;
            Residual residual = new Residual(numChannels, halves, halves ? 2 : 1);
            add(Integer.toString(i), "Residual", residual);
        }
    }
}
