package org.djlresnet.block;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;

/**
 * A residual block of an autoencoder: its convolutions have biases, and those with its stride are
 * transposed in a decoder.
 *
 * <p>Shapes: (N, inChannels, H, W) → (N, channels, H / stride, W / stride), in a decoder (N,
 * channels, H · stride, W · stride).
 */
public final class AutoencoderBlock extends ResidualBuildingBlock {

    /** Which way a block changes the size of maps. */
    public enum Direction {
        /** It makes them smaller by its stride. */
        DOWN,
        /** It makes them larger by its stride. */
        UP
    }

    /**
     * The kind of its normalizations.
     *
     * @param momentum the weight of the old running statistics
     * @param epsilon added to the variance
     */
    public record Norm(float momentum, float epsilon) {
        /**
         * Creates a normalization.
         *
         * @return the layer
         */
        public BatchNorm create() {
            return new BatchNorm(momentum, epsilon, true);
        }
    }

    private AutoencoderBlock(int inChannels, int channels, int stride) {
        super(inChannels, channels, stride);
    }

    /**
     * Creates a block of two 3×3 convolutions; its projection has a 3×3 kernel in a decoder, where
     * a smaller one would reach every second pixel only.
     *
     * @param inChannels the number of input channels
     * @param channels the number of output channels
     * @param stride the stride
     * @param direction which way it changes the size
     * @param norm the kind of its normalizations
     * @return the block
     */
    public static AutoencoderBlock basic(
            int inChannels, int channels, int stride, Direction direction, Norm norm) {
        AutoencoderBlock block = new AutoencoderBlock(inChannels, channels, stride);
        NamedChain branch = block.branch;
        branch.add("conv1", resize(channels, 3, stride, direction));
        branch.add("bn1", norm.create());
        branch.append("relu", Layers.relu());
        branch.add("conv2", Layers.convolution(channels, 3, new Shape(1, 1), true));
        branch.add("bn2", norm.create());
        return block.finish(channels, direction == Direction.UP ? 3 : 1, stride, direction, norm);
    }

    /**
     * Creates a bottleneck: 1×1 with the stride, 3×3, and 1×1.
     *
     * @param inChannels the number of input channels
     * @param width the number of channels inside
     * @param channels the number of output channels
     * @param stride the stride
     * @param direction which way it changes the size
     * @param norm the kind of its normalizations
     * @return the block
     */
    public static AutoencoderBlock bottleneck(
            int inChannels, int width, int channels, int stride, Direction direction, Norm norm) {
        AutoencoderBlock block = new AutoencoderBlock(inChannels, channels, stride);
        NamedChain branch = block.branch;
        branch.add("conv1", resize(width, 1, stride, direction));
        branch.add("bn1", norm.create());
        branch.append("relu", Layers.relu());
        branch.add("conv2", Layers.convolution(width, 3, new Shape(1, 1), true));
        branch.add("bn2", norm.create());
        branch.append("relu", Layers.relu());
        branch.add("conv3", Layers.convolution(channels, 1, new Shape(1, 1), true));
        branch.add("bn3", norm.create());
        return block.finish(channels, 1, stride, direction, norm);
    }

    private AutoencoderBlock finish(
            int channels, int kernel, int stride, Direction direction, Norm norm) {
        NamedChain projection = null;
        if (!keepsShape()) {
            projection = new NamedChain();
            projection.add("0", "conv", resize(channels, kernel, stride, direction));
            projection.add("1", "bn", norm.create());
        }
        addSum(projection);
        append("relu", Layers.relu());
        return this;
    }

    private static Block resize(int channels, int kernel, int stride, Direction direction) {
        return direction == Direction.UP
                ? new TransposedConvolution(channels, kernel, stride, true)
                : Layers.convolution(channels, kernel, new Shape(stride, stride), true);
    }
}
