package org.djlresnet.model;

import ai.djl.nn.Block;
import org.djlresnet.block.BasicBlock;
import org.djlresnet.block.BlockOptions;
import org.djlresnet.block.NamedChain;
import org.djlresnet.block.PlainBlock;
import org.djlresnet.block.Shortcut;

/**
 * The residual networks for 32×32 images, and the plain networks to compare them with.
 *
 * <p>A 3×3 convolution to 16 channels, batch normalization, ReLU; three stages of n basic blocks
 * with 16, 32 and 64 channels, the second and third with stride 2 in their first block; global
 * average pooling and a linear layer. The depth is 6n+2.
 *
 * <p>Source: He et al., "Deep Residual Learning for Image Recognition", 2015, section 4.2. Option A
 * adds half of the channels of zeros on each side.
 */
public final class CifarResNet {

    private static final int[] STAGE_CHANNELS = {16, 32, 64};

    private CifarResNet() {}

    /**
     * Creates a builder.
     *
     * @return a builder of residual networks with option A; set its depth and classes
     */
    public static Builder builder() {
        return new Builder();
    }

    /** Builds networks. */
    public static final class Builder extends NetworkBuilder<Builder> {

        private int[] blocks;
        private boolean plain;
        private BlockOptions options = BlockOptions.BASIC.with(Shortcut.ZERO_PADDING);

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
         * Sets the shortcut where the shape changes.
         *
         * @param shortcut {@link Shortcut#ZERO_PADDING} (option A, the default) or {@link
         *     Shortcut#PROJECTION} (option B)
         * @return this builder
         */
        public Builder optShortcut(Shortcut shortcut) {
            options = options.with(shortcut);
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

        /**
         * Sets whether the last gamma of each residual branch starts at 0.
         *
         * @param zero whether it does; false by default
         * @return this builder
         */
        public Builder optZeroInitLastGamma(boolean zero) {
            options = options.withZeroInitLastGamma(zero);
            return this;
        }

        @Override
        Builder self() {
            return this;
        }

        private Block createBlock(int stage, int index) {
            boolean halves = stage > 0 && index == 0;
            int in = STAGE_CHANNELS[halves ? stage - 1 : stage];
            int out = STAGE_CHANNELS[stage];
            int stride = halves ? 2 : 1;
            return plain
                    ? new PlainBlock(in, out, stride, options)
                    : new BasicBlock(in, out, stride, options);
        }

        @Override
        NamedChain assemble() {
            requireStages(blocks);
            NamedChain network = new NamedChain();
            Stem.SMALL.addTo(network, STAGE_CHANNELS[0], defaultMomentum());
            addStages(network, blocks, this::createBlock);
            addHead(network);
            return network;
        }
    }
}
