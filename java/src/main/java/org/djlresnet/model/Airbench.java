package org.djlresnet.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import org.djlresnet.block.BatchNorm;
import org.djlresnet.block.Layers;
import org.djlresnet.block.NamedChain;
import org.djlresnet.block.Whitening;

/**
 * The network of airbench94, which trains on CIFAR-10 in a few epochs.
 *
 * <p>A {@link Whitening} convolution and a GELU. Three groups with 64, 256 and 256 channels: 3×3
 * convolution, 2×2 max pooling, batch normalization, GELU, 3×3 convolution, batch normalization,
 * GELU. Global max pooling (of 3×3 maps for 32×32 images), and a linear layer without a bias, whose
 * outputs are divided by 9. Batch normalization has momentum 0.6, epsilon 1e-12 and no trained
 * scales. Convolutions start as the identity of their input channels.
 *
 * <p>Tensor names are those of airbench94_muon.py, which divides by 256 instead. With 3 input
 * channels and 10 classes it has 1,971,352 trainable parameters.
 *
 * <p>Source: K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024.
 */
public final class Airbench {

    private static final float NORM_MOMENTUM = 0.6f;
    private static final float NORM_EPSILON = 1e-12f;
    private static final double LOGIT_SCALE = 1.0 / 9;

    /** Whitening takes one row and column; three poolings leave one pixel of the rest. */
    private static final int SMALLEST = 9;

    private Airbench() {}

    /**
     * Creates a builder.
     *
     * @return a builder; set its classes
     */
    public static Builder builder() {
        return new Builder();
    }

    /** Builds networks. */
    public static final class Builder extends NetworkBuilder<Builder> {

        private int[] widths = {64, 256, 256};

        private Builder() {}

        /**
         * Sets the numbers of channels.
         *
         * @param ofGroups those of each group; 64, 256 and 256 by default
         * @return this builder
         */
        public Builder optWidths(int... ofGroups) {
            widths = ofGroups.clone();
            return this;
        }

        Builder scaleWidths(double factor) {
            return optWidths(scaled(widths, factor));
        }

        @Override
        Builder self() {
            return this;
        }

        @Override
        int smallest() {
            return SMALLEST;
        }

        @Override
        NamedChain assemble() {
            NamedChain network = new NamedChain();
            network.add("whiten", new Whitening());
            NamedChain layers = network.add("layers", new NamedChain());
            layers.append("gelu", Layers.gelu());
            for (int group = 0; group < widths.length; group++) {
                layers.add(String.valueOf(group + 1), "group", group(widths[group]));
            }
            layers.setInitializer(InitialWeights.DIRAC, Parameter.Type.WEIGHT);
            addMaxHead(network, "head", LOGIT_SCALE)
                    .setInitializer(InitialWeights.UNIFORM, Parameter.Type.WEIGHT);
            return network;
        }

        private static NamedChain group(int channels) {
            NamedChain group = new NamedChain();
            group.add("conv1", Layers.convolution(channels, 3, new Shape(1, 1), false));
            group.append("pool", Layers.maxPool(2, 2, 0));
            group.add("norm1", new BatchNorm(NORM_MOMENTUM, NORM_EPSILON, false));
            group.append("gelu", Layers.gelu());
            group.add("conv2", Layers.convolution(channels, 3, new Shape(1, 1), false));
            group.add("norm2", new BatchNorm(NORM_MOMENTUM, NORM_EPSILON, false));
            group.append("gelu", Layers.gelu());
            return group;
        }
    }
}
