package org.djlresnet.model;

import ai.djl.nn.Block;
import org.djlresnet.block.BasicBlock;
import org.djlresnet.block.Bottleneck;
import org.djlresnet.block.NamedChain;

/**
 * The residual networks for photographs, as torchvision builds them: stem, four stages, global
 * average pooling, linear layer.
 *
 * <p>Convolutions have no biases, a projection has a batch normalization, a bottleneck's stride is
 * on its 3×3 convolution. Tensor names are torchvision's.
 *
 * <p>Source: He et al., "Deep Residual Learning for Image Recognition", 2015; Xie et al.,
 * "Aggregated Residual Transformations", 2016; Zagoruyko and Komodakis, "Wide Residual Networks",
 * 2016; He T. et al., "Bag of Tricks", 2018.
 *
 * <pre>{@code
 * Block resnet50 = ResNet.builder().setDepth(50).setClasses(1000).build();
 * }</pre>
 */
public final class ResNet {

    private ResNet() {}

    /**
     * Creates a builder.
     *
     * @return a builder of torchvision's arrangement, whose depth and classes are to be set
     */
    public static Builder builder() {
        return new Builder();
    }

    /** Builds networks. */
    public static final class Builder extends StagedBuilder<Builder> {

        private Builder() {}

        /**
         * Begins the last scales of each residual branch as 0, so that blocks begin as their
         * shortcuts.
         *
         * @param zero false unless set
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

        @Override
        Block createBlock(int stage, int index) {
            int in = inChannels(stage, index);
            int out = channels(stage);
            int stride = stride(stage, index);
            return kind == BlockKind.BASIC
                    ? new BasicBlock(in, out, stride, options)
                    : new Bottleneck(in, width(stage), out, stride, options);
        }

        @Override
        NamedChain assemble() {
            requireStages(blocks);
            NamedChain network = new NamedChain();
            stem.addTo(network, baseChannels, usualMomentum());
            addStages(network, blocks, this::createBlock);
            addHead(network);
            return network;
        }
    }
}
