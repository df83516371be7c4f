package org.djlresnet.block;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.Locale;

/** Base class of blocks with two or three convolutions, with or without a shortcut. */
abstract class BuildingBlock extends NamedChain implements StageBlock {

    private final int inChannels;
    private final boolean keepsShape;

    BuildingBlock(int inChannels, int channels, int stride) {
        requirePositive("inChannels", inChannels);
        requirePositive("channels", channels);
        requirePositive("stride", stride);
        this.inChannels = inChannels;
        keepsShape = stride == 1 && channels == inChannels;
    }

    @Override
    public final boolean keepsShape() {
        return keepsShape;
    }

    static void requirePositive(String name, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(
                    name + " must be at least 1. Received: " + value + ".");
        }
    }

    /** Creates a convolution without a bias. */
    static Block convolution(int channels, int kernelSize, int stride, int groups) {
        return Layers.convolution(channels, kernelSize, new Shape(stride, stride), false, groups);
    }

    final int inChannels() {
        return inChannels;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            PairList<String, Object> params) {
        requireInput(inputs.singletonOrThrow().getShape());
        return super.forwardInternal(parameterStore, inputs, training, params);
    }

    @Override
    protected void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        requireInput(inputShapes[0]);
        super.initializeChildBlocks(manager, dataType, inputShapes);
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        requireInput(inputShapes[0]);
        return super.getOutputShapes(inputShapes);
    }

    private void requireInput(Shape input) {
        if (input.dimension() != 4 || input.get(1) != inChannels) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "The input of this %s must have shape (N, %d, H, W). Received: %s.",
                            getClass().getSimpleName(),
                            inChannels,
                            input));
        }
    }
}
