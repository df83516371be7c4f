package org.djlresnet.optimizer;

import ai.djl.ndarray.NDArray;
import java.util.Map;

/** Changes the gradients of a step, such as by clipping, before the optimizer takes them. */
@FunctionalInterface
public interface GradientTransform {

    /**
     * Changes gradients in place.
     *
     * @param gradients for each trained parameter its gradient, in the parameters' order
     */
    void apply(Map<String, NDArray> gradients);
}
