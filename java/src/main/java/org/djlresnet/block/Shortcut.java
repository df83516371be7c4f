package org.djlresnet.block;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;

/**
 * The shortcut of a residual block that changes the shape of its input; where the shape is kept, a
 * shortcut is the identity.
 *
 * <p>Source: He et al., "Deep Residual Learning for Image Recognition", 2015, section 3.3; the
 * pooled projection is that of He T. et al., "Bag of Tricks", 2018 (ResNet-D).
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
    /** A 2×2 average pooling where there is a stride, then a projection of stride 1. */
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
     * @param norm a projection's batch normalization, or null for none
     */
    abstract NamedChain create(int in, int out, int stride, BatchNorm norm);

    /** Creates the shortcut that keeps the shape. */
    static Block identity() {
        return Layers.identity();
    }
}
