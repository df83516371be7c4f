package org.djlresnet.model;

import ai.djl.nn.Block;
import org.djlresnet.block.BasicBlock;
import org.djlresnet.block.Bottleneck;
import org.djlresnet.block.NamedChain;

/**
 * The residual networks for photographs, as in torchvision: stem, four stages, global average
 * pooling and a linear layer.
 *
 * <p>Convolutions have no biases, projections have batch normalization, and bottlenecks have their
 * stride on the 3×3 convolution. Tensor names follow torchvision.
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
     * @return a builder of torchvision's networks; set its depth and classes
     */
    public static Builder builder() {
        return new Builder();
    }

    /** Builds networks. */
    public static final class Builder extends StagedBuilder<Builder> {

        private Builder() {}

        /**
         * Sets whether the last gamma of each residual branch starts at 0, so that blocks start as
         * their shortcuts.
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
            stem.addTo(network, baseChannels, defaultMomentum());
            addStages(network, blocks, this::createBlock);
            addHead(network);
            return network;
        }
    }
}
