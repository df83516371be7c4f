package org.djlresnet.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import org.djlresnet.block.BatchNorm;
import org.djlresnet.block.Layers;
import org.djlresnet.block.NamedChain;
import org.djlresnet.block.ResnetBlock;

/**
 * ResNet-18 as <i>Dive into Deep Learning</i> (Java edition, 7.6) builds it.
 *
 * <p>Stem: 7×7 convolution with stride 2 to 64 channels, batch normalization, ReLU, 3×3 max pooling
 * with stride 2. Four stages of two residual blocks with 64, 128, 256 and 512 channels. Global
 * average pooling and a linear layer. Its children's names are the book's, {@code 01Conv2d} to
 * {@code 10Linear}.
 *
 * <p>Shapes: (N, C, H, W) → (N, classes), for any H and W. With 1 input channel and 10 classes it
 * has 11,178,378 trainable parameters.
 */
public final class D2lResNet18 extends NamedChain {

    private static final int[] STAGE_CHANNELS = {64, 128, 256, 512};
    private static final int RESIDUALS_PER_STAGE = 2;

    /**
     * Creates the network; its number of input channels is inferred from its first input.
     *
     * @param classes the number of classes, at least 1
     * @throws IllegalArgumentException if classes is below 1
     */
    public D2lResNet18(int classes) {
        if (classes < 1) {
            throw new IllegalArgumentException(
                    "classes must be at least 1. Received: " + classes + ".");
        }
        Block stem = Layers.convolution(STAGE_CHANNELS[0], 7, new Shape(2, 2), true);
        add("conv1", "Conv2d", stem);
        add("bn1", "BatchNorm", new BatchNorm());
        append("LambdaBlock", Layers.relu());
        append("LambdaBlock", Layers.maxPool(3, 2, 1));
        for (int stage = 0; stage < STAGE_CHANNELS.length; stage++) {
            ResnetBlock residuals =
                    new ResnetBlock(STAGE_CHANNELS[stage], RESIDUALS_PER_STAGE, stage == 0);
            add("layer" + (stage + 1), "SequentialBlock", residuals);
        }
        append("LambdaBlock", Layers.globalAveragePool());
        add("fc", "Linear", Layers.linear(classes));
    }
}
