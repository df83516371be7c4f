package org.djlresnet.optimizer;

import ai.djl.ndarray.NDArray;
import java.util.Map;

/**
 * Moves parameters by their gradients.
 *
 * <p>To add another, implement this interface and choose it in {@link Optimizers}. All that it
 * keeps between steps is in {@link #state}, which checkpoints hold; corrections that depend on time
 * derive from the step.
 */
public interface Optimizer extends AutoCloseable {

    /**
     * Moves every parameter once.
     *
     * @param gradients for each trained parameter its gradient, in the parameters' order; the
     *     optimizer may overwrite them
     * @param lr the learning rate of this step
     * @param step the number of steps before this one
     */
    void step(Map<String, NDArray> gradients, double lr, long step);

    /**
     * Returns what the optimizer keeps between steps.
     *
     * @return its arrays by name, such as {@code momentum/conv1.weight}; empty if it keeps nothing
     */
    Map<String, NDArray> state();

    /** Frees the state. */
    @Override
    void close();
}
