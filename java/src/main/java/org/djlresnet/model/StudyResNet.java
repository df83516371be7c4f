package org.djlresnet.model;

import ai.djl.nn.Block;
import org.djlresnet.block.BasicBlock;
import org.djlresnet.block.BlockOptions;
import org.djlresnet.block.NamedChain;
import org.djlresnet.block.PlainBlock;
import org.djlresnet.block.Shortcut;
import org.djlresnet.block.StridePlacement;

/**
 * The networks of a published JAX study of residual and plain networks on CIFAR-10.
 *
 * <p>Like {@link CifarResNet}, but the <i>last</i> block of the first two stages changes to the
 * next stage's size and channels, in its second convolution; its shortcut takes every second row
 * and column and pads the channels with zeros. Batch normalization has momentum 0.1. The plain
 * networks are the same without the shortcuts.
 *
 * <p>With 3 input channels and 10 classes, depth 56 has 887,674 trainable parameters and depth 20
 * has 304,378.
 */
public final class StudyResNet {

    private static final int[] STAGE_CHANNELS = {16, 32, 64};
    private static final float NORM_MOMENTUM = 0.1f;

    private StudyResNet() {}

    /**
     * Creates a builder.
     *
     * @return a builder of residual networks; set its depth and classes
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
         * @throws IllegalArgumentException if the depth is another number
         */
        public Builder setDepth(int depth) {
            blocks = threeStages(depth, BlockKind.BASIC);
            return this;
        }

        /**
         * Sets whether to omit all shortcuts.
         *
         * @param without whether to omit them; false by default
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
