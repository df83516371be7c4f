package org.djlresnet.block;

import ai.djl.ndarray.NDArray;

/**
 * Enables or disables the residual branch of a block.
 *
 * <p>A bypassed branch is disabled in evaluation and training. With stochastic depth, a branch is
 * disabled in the training steps that drop it, and divided by its survival probability in the
 * others, so that evaluation needs no scaling.
 *
 * <p>Sources: Huang et al., "Deep Networks with Stochastic Depth", 2016, which scales at evaluation
 * instead; torchvision's {@code stochastic_depth} in mode "batch"; Veit et al., "Residual Networks
 * Behave Like Ensembles of Relatively Shallow Networks", 2016, for the bypass.
 */
public final class BranchGate {

    private boolean bypassed;
    private boolean dropped;
    private float survival = 1;

    /** Creates an open gate. */
    public BranchGate() {}

    /**
     * Sets whether the branch is bypassed.
     *
     * @param bypass whether to bypass it
     */
    public void bypass(boolean bypass) {
        bypassed = bypass;
    }

    /**
     * Prepares the next training step.
     *
     * @param drop whether it drops the branch
     * @param survivalProbability the divisor of a branch that is not dropped, above 0 and up to 1
     */
    public void beginStep(boolean drop, double survivalProbability) {
        dropped = drop;
        survival = (float) survivalProbability;
    }

    /**
     * Returns the factor of the branch in this training step.
     *
     * @return 0 for a dropped branch, or else 1 divided by its survival probability
     */
    public float factor() {
        return dropped ? 0 : 1 / survival;
    }

    /**
     * Returns whether the branch is disabled.
     *
     * @param training whether this is a training step
     * @return whether to compute only the shortcut
     */
    public boolean isShut(boolean training) {
        return bypassed || (training && dropped);
    }

    /**
     * Scales the output of the branch.
     *
     * @param branch the branch's output
     * @param training whether this is a training step
     * @return the scaled output, to be added to the shortcut
     */
    public NDArray scale(NDArray branch, boolean training) {
        if (!training || survival == 1) {
            return branch;
        }
        // on the batch's manager, so that it lives until the backward pass
        return branch.mul(branch.getManager().create(1 / survival));
    }
}
