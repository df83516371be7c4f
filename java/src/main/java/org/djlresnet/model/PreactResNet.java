package org.djlresnet.model;

import ai.djl.nn.Block;
import org.djlresnet.block.BatchNorm;
import org.djlresnet.block.Layers;
import org.djlresnet.block.NamedChain;
import org.djlresnet.block.PreactBasicBlock;
import org.djlresnet.block.PreactBottleneck;

/**
 * Residual networks with full pre-activation (v2).
 *
 * <p>Batch normalization and ReLU precede each convolution. Those of the stem also serve the first
 * block, and a last pair follows the last sum. If the shape changes, the shortcut is a projection
 * without batch normalization.
 *
 * <p>Source: He et al., "Identity Mappings in Deep Residual Networks", 2016, figure 4 (e) and the
 * appendix.
 *
 * <pre>{@code
 * Block deep = PreactResNet.builder()
 *         .setCifarDepth(164, BlockKind.BOTTLENECK)
 *         .setClasses(10)
 *         .build();
 * }</pre>
 */
public final class PreactResNet {

    private static final int CIFAR_CHANNELS = 16;

    private PreactResNet() {}

    /**
     * Creates a builder.
     *
     * @return a builder; set its depth and classes
     */
    public static Builder builder() {
        return new Builder();
    }

    /** Builds networks. */
    public static final class Builder extends StagedBuilder<Builder> {

        private Builder() {}

        /**
         * Selects the architecture for 32×32 images: a 3×3 stem with 16 channels and three stages.
         *
         * @param depth 6n+2 for basic blocks, 9n+2 for bottlenecks
         * @param block the kind of all blocks
         * @return this builder
         * @throws IllegalArgumentException if the depth is another number
         */
        public Builder setCifarDepth(int depth, BlockKind block) {
            return setStages(block, threeStages(depth, block))
                    .optBaseChannels(CIFAR_CHANNELS)
                    .optStem(Stem.SMALL);
        }

        @Override
        Builder self() {
            return this;
        }

        @Override
        Block createBlock(int stage, int index) {
            int in = inChannels(stage, index);
            int out = channels(stage);
            int stride = stride(stage, index);
            boolean afterStem = stage == 0 && index == 0;
            return kind == BlockKind.BASIC
                    ? new PreactBasicBlock(in, out, stride, afterStem, options)
                    : new PreactBottleneck(in, width(stage), out, stride, afterStem, options);
        }

        @Override
        NamedChain assemble() {
            requireStages(blocks);
            NamedChain network = new NamedChain();
            stem.addTo(network, baseChannels, defaultMomentum());
            addStages(network, blocks, this::createBlock);
            network.add("bn2", new BatchNorm());
            network.append("relu", Layers.relu());
            addHead(network);
            return network;
        }
    }
}
