package org.djlresnet.block;

import ai.djl.nn.Block;

/** A block that adds a residual branch to a shortcut, and can leave the branch out. */
public interface ResidualUnit extends Block {

    /**
     * Returns what lets the residual branch through.
     *
     * @return the block's own gate
     */
    BranchGate gate();

    /**
     * Returns the residual branch.
     *
     * @return the branch, with its parameters
     */
    Block branch();
}
