package org.djlresnet.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.training.initializer.Initializer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.engine.EngineTraits;

/** Creates the arrays that optimizers keep between steps. */
public final class OptimizerState {

    private OptimizerState() {}

    /**
     * Creates an array for each parameter.
     *
     * @param kind the beginning of the arrays' names, such as {@code momentum/}
     * @param parameters the parameters
     * @param restored values by name; arrays without one are zero
     * @param manager the manager of the arrays
     * @return arrays by parameter name, in the parameters' shapes and memory order
     */
    static Map<String, NDArray> arrays(
            String kind,
            List<TrainedParameter> parameters,
            Map<String, Initializer> restored,
            NDManager manager) {
        Map<String, NDArray> arrays = new LinkedHashMap<>();
        for (TrainedParameter one : parameters) {
            Initializer values = restored.get(kind + one.name());
            arrays.put(one.name(), array(one.array(), values, manager));
        }
        return arrays;
    }

    /**
     * Creates an array.
     *
     * @param like an array of the same shape and memory order
     * @param values its values, or null for zeros
     * @param manager the manager of the array
     * @return the array
     */
    public static NDArray array(NDArray like, Initializer values, NDManager manager) {
        NDArray array = EngineTraits.zerosInOrderOf(like);
        array.attach(manager);
        if (values != null) {
            try (NDArray given = values.initialize(manager, like.getShape(), like.getDataType())) {
                EngineTraits.of(manager.getEngine()).assign(array, given);
            }
        }
        return array;
    }

    /**
     * Names arrays as a checkpoint does.
     *
     * @param kind the beginning of the names
     * @param arrays arrays by parameter name
     * @param state receives them by full name
     */
    static void name(String kind, Map<String, NDArray> arrays, Map<String, NDArray> state) {
        arrays.forEach((name, array) -> state.put(kind + name, array));
    }
}
