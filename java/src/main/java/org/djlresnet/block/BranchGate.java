package org.djlresnet.block;

import ai.djl.ndarray.NDArray;

/**
 * Lets the residual branch of a block through, or leaves it out.
 *
 * <p>A bypassed branch is left out in evaluation and training. A branch with stochastic depth is
 * left out of the training steps that drop it, and divided by its probability of survival in the
 * others, so that evaluation needs no scale and the weights are those of a plain residual network.
 *
 * <p>Sources: Huang et al., "Deep Networks with Stochastic Depth", 2016, which scales at evaluation
 * instead; torchvision's {@code stochastic_depth} in its mode "batch"; Veit et al., "Residual
 * Networks Behave Like Ensembles of Relatively Shallow Networks", 2016, for the bypass.
 */
public final class BranchGate {

    private boolean bypassed;
    private boolean dropped;
    private float survival = 1;

    /** Creates a gate that lets its branch through. */
    public BranchGate() {}

    /**
     * Leaves the branch out from now on, or not.
     *
     * @param bypass whether to leave it out
     */
    public void bypass(boolean bypass) {
        bypassed = bypass;
    }

    /**
     * Sets what the next training steps do.
     *
     * @param drop whether they leave the branch out
     * @param survivalProbability what they divide the branch by where they do not, above 0 and up
     *     to 1
     */
    public void beginStep(boolean drop, double survivalProbability) {
        dropped = drop;
        survival = (float) survivalProbability;
    }

    /**
     * Returns whether the branch is left out.
     *
     * @param training whether this is a training step
     * @return whether to compute the shortcut alone
     */
    public boolean isShut(boolean training) {
        return bypassed || (training && dropped);
    }

    /**
     * Scales the output of the branch.
     *
     * @param branch the branch's output
     * @param training whether this is a training step
     * @return what is to be added to the shortcut
     */
    public NDArray scale(NDArray branch, boolean training) {
        if (!training || survival == 1) {
            return branch;
        }
        // an array of the batch's own manager, which lives until the gradients are there
        return branch.mul(branch.getManager().create(1 / survival));
    }
}
