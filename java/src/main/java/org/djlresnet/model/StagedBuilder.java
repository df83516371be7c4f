package org.djlresnet.model;

import ai.djl.nn.Block;
import java.util.Map;
import org.djlresnet.block.BlockOptions;
import org.djlresnet.block.Shortcut;
import org.djlresnet.block.StridePlacement;

/**
 * What the builders of {@link ResNet} and {@link PreactResNet} share.
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
    private static final int USUAL_WIDTH = 64;

    BlockKind kind = BlockKind.BASIC;
    int[] blocks;
    int baseChannels = 64;
    Stem stem = Stem.STANDARD;
    BlockOptions options = BlockOptions.BASIC;
    private int widthPerGroup = USUAL_WIDTH;

    StagedBuilder() {}

    /**
     * Takes blocks and stages from He et al.'s table 1.
     *
     * @param depth 18, 34, 50, 101 or 152
     * @return this builder
     * @throws IllegalArgumentException if the table lacks the depth
     */
    public B setDepth(int depth) {
        if (!BLOCKS.containsKey(depth)) {
            throw new IllegalArgumentException(
                    "depth must be 18, 34, 50, 101 or 152. Received: depth=" + depth);
        }
        BlockKind table = depth < FIRST_BOTTLENECK ? BlockKind.BASIC : BlockKind.BOTTLENECK;
        return setStages(table, BLOCKS.get(depth));
    }

    /**
     * Sets blocks and stages.
     *
     * @param block the kind of all blocks
     * @param blocksPerStage the number of blocks of each stage; each stage but the first halves the
     *     map and doubles the channels
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
     * @param channels their number, 64 unless set
     * @return this builder
     */
    public B optBaseChannels(int channels) {
        baseChannels = channels;
        return self();
    }

    /**
     * Sets the stem.
     *
     * @param other {@link Stem#STANDARD} unless set
     * @return this builder
     */
    public B optStem(Stem other) {
        stem = other;
        return self();
    }

    /**
     * Sets the shortcut where the shape changes.
     *
     * @param other {@link Shortcut#PROJECTION} unless set
     * @return this builder
     */
    public B optShortcut(Shortcut other) {
        options = options.with(other);
        return self();
    }

    /**
     * Sets which convolution has the stride; after the depth or the stages.
     *
     * @param other as torchvision unless set: the first of a basic block, the 3×3 of a bottleneck
     * @return this builder
     */
    public B optStridePlacement(StridePlacement other) {
        options = options.with(other);
        return self();
    }

    /**
     * Sets the groups of the bottlenecks' 3×3 convolutions, and how wide these are.
     *
     * @param groups the number of groups, 1 unless set
     * @param width the channels of a group in a first stage of 64 channels, 64 unless set
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
        return planes(stage) * widthPerGroup / USUAL_WIDTH * options.groups();
    }

    static int stride(int stage, int index) {
        return stage > 0 && index == 0 ? 2 : 1;
    }

    abstract Block createBlock(int stage, int index);
}
