package org.djlresnet.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.training.initializer.Initializer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.engine.ListArithmetic;
import org.djlresnet.optimizer.OptimizerState;
import org.djlresnet.optimizer.TrainedParameter;

/** The mean of the gradients over the batches of an update. */
final class Accumulation implements AutoCloseable {

    private static final String NAME = "accumulated/";

    private final NDManager manager;
    private final ListArithmetic arithmetic;
    private final Map<String, NDArray> sums = new LinkedHashMap<>();
    private boolean empty;

    /**
     * Begins or continues an update.
     *
     * @param parameters the parameters with gradients
     * @param parent the network's manager
     * @param restored the sums so far by the names of {@link #state}
     */
    Accumulation(
            List<TrainedParameter> parameters,
            NDManager parent,
            Map<String, Initializer> restored) {
        manager = parent.newSubManager();
        arithmetic = new ListArithmetic(manager);
        empty = true;
        for (TrainedParameter parameter : parameters) {
            Initializer values = restored.get(NAME + parameter.name());
            empty &= values == null;
            sums.put(parameter.name(), OptimizerState.array(parameter.array(), values, manager));
        }
    }

    /**
     * Adds a batch.
     *
     * @param gradients its gradients by parameter name
     * @param share the batch's share of the update's examples
     */
    void add(Map<String, NDArray> gradients, double share) {
        arithmetic.add(List.copyOf(sums.values()), inOrder(gradients), share);
        empty = false;
    }

    /**
     * Ends an update: moves the sums to a batch's gradients.
     *
     * @param gradients arrays by parameter name, which receive the sums
     */
    void take(Map<String, NDArray> gradients) {
        arithmetic.copy(inOrder(gradients), List.copyOf(sums.values()));
        arithmetic.add(List.copyOf(sums.values()), inOrder(gradients), -1);
        empty = true;
    }

    private List<NDArray> inOrder(Map<String, NDArray> gradients) {
        List<NDArray> arrays = new ArrayList<>();
        sums.keySet().forEach(name -> arrays.add(gradients.get(name)));
        return arrays;
    }

    /** Returns the sums of an update that has begun, by name; none between updates. */
    Map<String, NDArray> state() {
        Map<String, NDArray> state = new LinkedHashMap<>();
        if (!empty) {
            sums.forEach((name, sum) -> state.put(NAME + name, sum));
        }
        return state;
    }

    @Override
    public void close() {
        arithmetic.close();
        manager.close();
    }
}
