package org.djlresnet.model;

import ai.djl.nn.Block;
import ai.djl.nn.core.Linear;
import java.util.Arrays;
import java.util.Locale;
import org.djlresnet.block.BlockOptions;
import org.djlresnet.block.Layers;
import org.djlresnet.block.NamedChain;

/**
 * Base of the builders of all network families.
 *
 * @param <B> the builder itself
 */
public abstract class NetworkBuilder<B extends NetworkBuilder<B>> {

    int classes;

    NetworkBuilder() {}

    /** Creates the blocks of the stages. */
    @FunctionalInterface
    interface BlockFactory {
        /**
         * Creates a block.
         *
         * @param stage the stage, from 0
         * @param index the block's index in its stage, from 0
         */
        Block create(int stage, int index);
    }

    /**
     * Sets the number of classes.
     *
     * @param number the number of logits, at least 1
     * @return this builder
     */
    public B setClasses(int number) {
        classes = number;
        return self();
    }

    /**
     * Builds the network, without initializing its parameters; its number of input channels is
     * inferred from its first input.
     *
     * @return the network, from (N, C, H, W) for any H and W to (N, classes)
     * @throws IllegalArgumentException if a number is missing or out of range
     */
    public final NamedChain build() {
        if (classes < 1) {
            throw new IllegalArgumentException(
                    "classes must be at least 1. Received: " + classes + ".");
        }
        return assemble();
    }

    /** Returns the least height and width of an image. */
    int smallest() {
        return 1;
    }

    abstract B self();

    abstract NamedChain assemble();

    static void requireStages(int[] blocks) {
        if (blocks == null
                || blocks.length == 0
                || Arrays.stream(blocks).anyMatch(count -> count < 1)) {
            throw new IllegalArgumentException(
                    "A network needs a depth, or at least 1 block in each stage. Received: "
                            + Arrays.toString(blocks)
                            + ".");
        }
    }

    /** Appends the stages {@code layer1}, {@code layer2}, … of blocks {@code 0}, {@code 1}, …. */
    static void addStages(NamedChain network, int[] blocks, BlockFactory factory) {
        for (int stage = 0; stage < blocks.length; stage++) {
            NamedChain layer = new NamedChain();
            for (int i = 0; i < blocks[stage]; i++) {
                Block block = factory.create(stage, i);
                layer.add(Integer.toString(i), block.getClass().getSimpleName(), block);
            }
            network.add("layer" + (stage + 1), layer);
        }
    }

    final void addHead(NamedChain network) {
        network.append("avgpool", Layers.globalAveragePool());
        network.add("fc", Layers.linear(classes));
    }

    /** Appends a head of global max pooling and a linear layer without a bias, times a number. */
    final Linear addMaxHead(NamedChain network, String name, double scale) {
        network.append("maxpool", Layers.globalMaxPool());
        Linear linear = network.add(name, Layers.linear(classes, false));
        network.append("scale", Layers.scale(scale));
        return linear;
    }

    /** Multiplies numbers of channels. */
    static int[] scaled(int[] widths, double factor) {
        return Arrays.stream(widths).map(width -> (int) (width * factor)).toArray();
    }

    /** Returns the default momentum of DJL; PyTorch calls the same value 0.1. */
    static float defaultMomentum() {
        return BlockOptions.BASIC.normMomentum();
    }

    /** Divides a depth of 6n+2 or 9n+2 into three stages. */
    static int[] threeStages(int depth, BlockKind kind) {
        int layersPerBlock = 3 * kind.convolutions();
        if (depth < layersPerBlock + 2 || (depth - 2) % layersPerBlock != 0) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "The depth of a network with three stages must be %dn+2, such as %d, %d"
                                    + " or %d. Received: %d.",
                            layersPerBlock,
                            layersPerBlock + 2,
                            2 * layersPerBlock + 2,
                            3 * layersPerBlock + 2,
                            depth));
        }
        int blocks = (depth - 2) / layersPerBlock;
        return new int[] {blocks, blocks, blocks};
    }
}
