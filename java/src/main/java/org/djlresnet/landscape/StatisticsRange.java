package org.djlresnet.landscape;

import ai.djl.ndarray.NDArray;
import java.util.Map;

/**
 * Bounds of batch normalization's running statistics.
 *
 * <p>Between networks, statistics move with the weights. Beyond them a straight line would soon
 * lead to negative variances, so each number stays between the least and the most of the networks.
 *
 * @param least float32 arrays by the tensors' names
 * @param most the same
 */
public record StatisticsRange(Map<String, NDArray> least, Map<String, NDArray> most) {

    /** No bounds. */
    public static final StatisticsRange NONE = new StatisticsRange(Map.of(), Map.of());

    /** Returns a tensor's values within the bounds, and closes the given ones if they change. */
    NDArray clip(String name, NDArray values) {
        if (!least.containsKey(name)) {
            return values;
        }
        try (values;
                NDArray above = values.maximum(least.get(name))) {
            return above.minimum(most.get(name));
        }
    }
}
