package org.djlresnet.optimizer;

import ai.djl.ndarray.NDArray;
import java.util.Map;

/**
 * Updates parameters from their gradients.
 *
 * <p>To add an optimizer, implement this interface and select it in {@link Optimizers}. Everything
 * it keeps between steps, numbers of updates included, belongs in {@link #state}, which checkpoints
 * save.
 */
public interface Optimizer extends AutoCloseable {

    /**
     * Updates every parameter once.
     *
     * @param gradients the gradients by parameter name, in the parameters' order; the optimizer may
     *     overwrite them
     * @param lr the learning rate for this step
     */
    void step(Map<String, NDArray> gradients, double lr);

    /**
     * Returns the optimizer's state.
     *
     * @return arrays by name, such as {@code momentum/conv1.weight}; empty without state
     */
    Map<String, NDArray> state();

    /** Frees the state. */
    @Override
    void close();
}
