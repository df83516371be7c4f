package org.djlresnet.block;

import ai.djl.nn.Block;

/** A block of a network's stages, residual or plain. */
public interface StageBlock extends Block {

    /**
     * Returns whether the output has the input's shape, so that the block can be left out.
     *
     * @return whether it has the same channels, height and width
     */
    boolean keepsShape();
}
