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

/** A copy of a network's weights and running statistics, in the same memory order. */
final class NetworkTensors implements AutoCloseable {

    private final NDManager manager;
    private final ListArithmetic arithmetic;
    private final Map<String, NDArray> copies = new LinkedHashMap<>();

    /** Arrays on the network's memory that record nothing. */
    private final List<NDArray> network = new ArrayList<>();

    /**
     * Copies a network's tensors, or restores a copy.
     *
     * @param tensors the network's arrays by name; their memory must stay where it is
     * @param parent the network's manager
     * @param prefix the beginning of the names in {@code restored}
     * @param restored earlier values by name; tensors without one are copied
     */
    NetworkTensors(
            Map<String, NDArray> tensors,
            NDManager parent,
            String prefix,
            Map<String, Initializer> restored) {
        manager = parent.newSubManager();
        arithmetic = new ListArithmetic(manager);
        tensors.forEach(
                (name, array) -> {
                    NDArray handle = array.stopGradient();
                    handle.attach(manager);
                    network.add(handle);
                    Initializer values = restored.get(prefix + name);
                    NDArray copy;
                    if (values == null) {
                        copy = handle.duplicate();
                        copy.attach(manager);
                    } else {
                        copy = OptimizerState.array(handle, values, manager);
                    }
                    copies.put(name, copy);
                });
    }

    /**
     * Moves the copy towards the network: copy ← copy + weight · (network − copy).
     *
     * @param weight from 0 to 1
     */
    void follow(double weight) {
        arithmetic.mix(arrays(), network, weight);
    }

    /**
     * Moves the network towards the copy: network ← network + weight · (copy − network).
     *
     * @param weight from 0 to 1
     */
    void lead(double weight) {
        arithmetic.mix(network, arrays(), weight);
    }

    /** Sets the network to the copy. */
    void write() {
        arithmetic.copy(network, arrays());
    }

    /** Sets the copy to the network. */
    void read() {
        arithmetic.copy(arrays(), network);
    }

    private List<NDArray> arrays() {
        return List.copyOf(copies.values());
    }

    /** Returns the copy's arrays by the network's names. */
    Map<String, NDArray> byName() {
        return copies;
    }

    @Override
    public void close() {
        arithmetic.close();
        manager.close();
    }
}
