package org.djlresnet.model;

import ai.djl.nn.Block;
import java.util.Map;
import org.djlresnet.block.BlockOptions;
import org.djlresnet.block.Shortcut;
import org.djlresnet.block.StridePlacement;

/**
 * Base of the builders of {@link ResNet} and {@link PreactResNet}.
 *
 * @param <B> the builder itself
 */
public abstract class StagedBuilder<B extends StagedBuilder<B>> extends NetworkBuilder<B> {

    /** He et al. (2015), table 1. */
    private static final Map<Integer, int[]> BLOCKS =
            Map.of(
                    18, new int[] {2, 2, 2, 2},
                    34, new int[] {3, 4, 6, 3},
                    50, new int[] {3, 4, 6, 3},
                    101, new int[] {3, 4, 23, 3},
                    152, new int[] {3, 8, 36, 3});

    private static final int FIRST_BOTTLENECK = 50;
    private static final int DEFAULT_WIDTH = 64;

    BlockKind kind = BlockKind.BASIC;
    int[] blocks;
    int baseChannels = 64;
    Stem stem = Stem.STANDARD;
    BlockOptions options = BlockOptions.BASIC;
    private int widthPerGroup = DEFAULT_WIDTH;

    StagedBuilder() {}

    /**
     * Sets blocks and stages as in He et al., table 1.
     *
     * @param depth 18, 34, 50, 101 or 152
     * @return this builder
     * @throws IllegalArgumentException if the depth is another number
     */
    public B setDepth(int depth) {
        if (!BLOCKS.containsKey(depth)) {
            throw new IllegalArgumentException(
                    "depth must be 18, 34, 50, 101 or 152. Received: " + depth + ".");
        }
        BlockKind table = depth < FIRST_BOTTLENECK ? BlockKind.BASIC : BlockKind.BOTTLENECK;
        return setStages(table, BLOCKS.get(depth));
    }

    /**
     * Sets blocks and stages.
     *
     * @param block the kind of all blocks
     * @param blocksPerStage the number of blocks in each stage; each stage except the first halves
     *     height and width and doubles the channels
     * @return this builder
     */
    public B setStages(BlockKind block, int... blocksPerStage) {
        kind = block;
        blocks = blocksPerStage.clone();
        return optStridePlacement(
                block == BlockKind.BASIC ? StridePlacement.FIRST : StridePlacement.SECOND);
    }

    /**
     * Sets the channels of the stem and of the first stage before its expansion.
     *
     * @param channels the number of channels; 64 by default
     * @return this builder
     */
    public B optBaseChannels(int channels) {
        baseChannels = channels;
        return self();
    }

    /**
     * Sets the stem.
     *
     * @param other the stem; {@link Stem#STANDARD} by default
     * @return this builder
     */
    public B optStem(Stem other) {
        stem = other;
        return self();
    }

    /**
     * Sets the shortcut where the shape changes.
     *
     * @param other the shortcut; {@link Shortcut#PROJECTION} by default
     * @return this builder
     */
    public B optShortcut(Shortcut other) {
        options = options.with(other);
        return self();
    }

    /**
     * Sets which convolution has the stride; call it after setting the depth or the stages.
     *
     * @param other the placement; by default torchvision's: the first convolution of a basic block,
     *     the 3×3 convolution of a bottleneck
     * @return this builder
     */
    public B optStridePlacement(StridePlacement other) {
        options = options.with(other);
        return self();
    }

    /**
     * Sets the groups and the width of the bottlenecks' 3×3 convolutions.
     *
     * @param groups the number of groups; 1 by default
     * @param width the channels of a group in a first stage with 64 channels; 64 by default
     * @return this builder
     */
    public B optGroups(int groups, int width) {
        options = options.withGroups(groups);
        widthPerGroup = width;
        return self();
    }

    int inChannels(int stage, int index) {
        if (stage == 0 && index == 0) {
            return baseChannels;
        }
        return channels(index == 0 ? stage - 1 : stage);
    }

    int planes(int stage) {
        return baseChannels << stage;
    }

    int channels(int stage) {
        return planes(stage) * kind.expansion();
    }

    int width(int stage) {
        return planes(stage) * widthPerGroup / DEFAULT_WIDTH * options.groups();
    }

    static int stride(int stage, int index) {
        return stage > 0 && index == 0 ? 2 : 1;
    }

    abstract Block createBlock(int stage, int index);
}
