package org.djlresnet.optimizer;

import ai.djl.ndarray.NDArray;
import java.util.Map;

/** Transforms the gradients of a step before the optimizer uses them, for example by clipping. */
@FunctionalInterface
public interface GradientTransform {

    /**
     * Changes gradients in place.
     *
     * @param gradients the gradients by parameter name, in the parameters' order
     */
    void apply(Map<String, NDArray> gradients);
}
