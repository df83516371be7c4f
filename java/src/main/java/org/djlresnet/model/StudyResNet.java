package org.djlresnet.model;

import ai.djl.nn.Block;
import org.djlresnet.block.BasicBlock;
import org.djlresnet.block.BlockOptions;
import org.djlresnet.block.NamedChain;
import org.djlresnet.block.PlainBlock;
import org.djlresnet.block.Shortcut;
import org.djlresnet.block.StridePlacement;

/**
 * The arrangement of a published JAX study of residual and plain networks on CIFAR-10.
 *
 * <p>Like {@link CifarResNet}, but the <i>last</i> block of the first two stages goes to the next
 * stage's map and channels, with its second convolution; its shortcut is every second row and
 * column between channels of zeros. Batch normalization keeps 10 % of its old statistics at each
 * step. The plain networks are the same without the additions.
 *
 * <p>With 3 input channels and 10 classes 887,674 trainable parameters at depth 56, 304,378 at 20.
 */
public final class StudyResNet {

    private static final int[] STAGE_CHANNELS = {16, 32, 64};
    private static final float NORM_MOMENTUM = 0.1f;

    private StudyResNet() {}

    /**
     * Creates a builder.
     *
     * @return a builder of residual networks, whose depth and classes are to be set
     */
    public static Builder builder() {
        return new Builder();
    }

    /** Builds networks. */
    public static final class Builder extends NetworkBuilder<Builder> {

        private static final BlockOptions OPTIONS =
                BlockOptions.BASIC
                        .with(Shortcut.ZERO_PADDING)
                        .with(StridePlacement.SECOND)
                        .withNormMomentum(NORM_MOMENTUM);

        private int[] blocks;
        private boolean plain;

        private Builder() {}

        /**
         * Sets the depth.
         *
         * @param depth 6n+2
         * @return this builder
         * @throws IllegalArgumentException if the depth is no such number
         */
        public Builder setDepth(int depth) {
            blocks = threeStages(depth, BlockKind.BASIC);
            return this;
        }

        /**
         * Leaves all shortcuts out.
         *
         * @param without false unless set
         * @return this builder
         */
        public Builder optPlain(boolean without) {
            plain = without;
            return this;
        }

        @Override
        Builder self() {
            return this;
        }

        private Block createBlock(int stage, int index) {
            boolean halves = stage < STAGE_CHANNELS.length - 1 && index == blocks[stage] - 1;
            int in = STAGE_CHANNELS[stage];
            int out = STAGE_CHANNELS[halves ? stage + 1 : stage];
            int stride = halves ? 2 : 1;
            return plain
                    ? new PlainBlock(in, out, stride, OPTIONS)
                    : new BasicBlock(in, out, stride, OPTIONS);
        }

        @Override
        NamedChain assemble() {
            requireStages(blocks);
            NamedChain network = new NamedChain();
            Stem.SMALL.addTo(network, STAGE_CHANNELS[0], NORM_MOMENTUM);
            addStages(network, blocks, this::createBlock);
            addHead(network);
            return network;
        }
    }
}
