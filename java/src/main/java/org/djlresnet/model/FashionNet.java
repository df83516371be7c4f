package org.djlresnet.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import org.djlresnet.block.BatchNorm;
import org.djlresnet.block.Convolution;
import org.djlresnet.block.GeluResidual;
import org.djlresnet.block.Layers;
import org.djlresnet.block.NamedChain;

/**
 * A narrow residual network for small images that trains in few epochs.
 *
 * <p>A 3×3 convolution with a bias to 16 channels and a GELU. Three stages with 64, 128 and 256
 * channels: a 3×3 convolution, 2×2 max pooling, batch normalization and a GELU, then a residual
 * block, x + gelu(norm(convolution(x))). Global max pooling, and a linear layer without a bias,
 * whose outputs are divided by 9. Pooling before batch normalization quarters the cost of all that
 * follows it. Batch normalization has momentum 0.6.
 *
 * <p>With 1 input channel and 10 classes it has 1,156,512 trainable parameters.
 */
public final class FashionNet {

    private static final float NORM_MOMENTUM = 0.6f;
    private static final double LOGIT_SCALE = 1.0 / 9;

    /** Three poolings leave one pixel of it. */
    private static final int SMALLEST = 8;

    private FashionNet() {}

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

        private int stem = 16;
        private int[] widths = {64, 128, 256};

        private Builder() {}

        /**
         * Sets the numbers of channels.
         *
         * @param ofStem those after the first convolution; 16 by default
         * @param ofStages those of each stage; 64, 128 and 256 by default
         * @return this builder
         */
        public Builder optWidths(int ofStem, int... ofStages) {
            stem = ofStem;
            widths = ofStages.clone();
            return this;
        }

        Builder scaleWidths(double factor) {
            return optWidths((int) (stem * factor), scaled(widths, factor));
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
            network.add("conv1", Layers.convolution(stem, 3, new Shape(1, 1), true));
            network.append("gelu", Layers.gelu());
            for (int stage = 0; stage < widths.length; stage++) {
                NamedChain layer = new NamedChain();
                layer.add("0", "PooledUnit", unit(widths[stage]));
                layer.add("1", "GeluResidual", new GeluResidual(widths[stage], NORM_MOMENTUM));
                network.add("layer" + (stage + 1), layer);
            }
            addMaxHead(network, "fc", LOGIT_SCALE);
            network.setInitializer(InitialWeights.UNIFORM, Parameter.Type.WEIGHT);
            return network;
        }

        private static Block unit(int channels) {
            NamedChain unit = new NamedChain();
            Convolution convolution = Layers.convolution(channels, 3, new Shape(1, 1), false);
            unit.add("conv1", convolution);
            unit.append("maxpool", Layers.maxPool(2, 2, 0));
            unit.add("bn1", new BatchNorm(NORM_MOMENTUM, false));
            unit.append("gelu", Layers.gelu());
            return unit;
        }
    }
}
