package org.djlresnet.block;

import ai.djl.nn.Block;

/** A block that adds a residual branch to a shortcut, and whose branch can be disabled. */
public interface ResidualBlock extends Block {

    /**
     * Returns the gate of the residual branch.
     *
     * @return the gate
     */
    BranchGate gate();

    /**
     * Returns the residual branch.
     *
     * @return the branch
     */
    Block branch();
}
