package org.djlresnet.block;

import ai.djl.ndarray.types.Shape;

/**
 * The shortcut of a residual block that changes the shape; other blocks have the identity.
 *
 * <p>Source: He et al., "Deep Residual Learning for Image Recognition", 2015, section 3.3; for the
 * pooled projection, He T. et al., "Bag of Tricks", 2018 (ResNet-D).
 */
public enum Shortcut {
    /** Option B: a 1×1 convolution with the block's stride and a batch normalization. */
    PROJECTION {
        @Override
        NamedChain create(int in, int out, int stride, BatchNorm norm) {
            NamedChain chain = new NamedChain();
            chain.add("0", "conv", Layers.convolution(out, 1, new Shape(stride, stride), false));
            if (norm != null) {
                chain.add("1", "bn", norm);
            }
            return chain;
        }
    },
    /** A 2×2 average pooling if the stride is above 1, then a projection with stride 1. */
    POOLED_PROJECTION {
        @Override
        NamedChain create(int in, int out, int stride, BatchNorm norm) {
            NamedChain chain = new NamedChain();
            if (stride > 1) {
                chain.append("avgpool", new AveragePool(2, stride));
            }
            chain.add("1", "conv", Layers.convolution(out, 1, new Shape(1, 1), false));
            if (norm != null) {
                chain.add("2", "bn", norm);
            }
            return chain;
        }
    },
    /** Option A: every stride-th row and column, with channels of zeros on both sides. */
    ZERO_PADDING {
        @Override
        NamedChain create(int in, int out, int stride, BatchNorm norm) {
            NamedChain chain = new NamedChain();
            chain.append("pad", new ZeroPadding(in, out, stride));
            return chain;
        }
    };

    /**
     * Creates the shortcut for a change of shape.
     *
     * @param norm the batch normalization of a projection, or null
     */
    abstract NamedChain create(int in, int out, int stride, BatchNorm norm);
}
