package org.djlresnet.training;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.LinkedHashMap;
import java.util.Map;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.Network;

/** A copy of a network's best weights and running statistics. */
final class BestWeights implements AutoCloseable {

    private final Network network;
    private final RunFolder folder;
    private final NDManager manager;
    private final Map<String, NDArray> kept = new LinkedHashMap<>();
    private Map<String, Long> batchesTracked = Map.of();

    /**
     * Creates an empty copy.
     *
     * @param network the network
     * @param folder the run's folder, or null
     */
    BestWeights(Network network, RunFolder folder) {
        this.network = network;
        this.folder = folder;
        manager = network.manager().newSubManager();
    }

    /**
     * Keeps the current weights, or their average.
     *
     * @param average the average by the network's names; empty for the current weights
     */
    void keep(Map<String, NDArray> average) {
        copy(average.isEmpty() ? network.stateDict() : average, network.batchesTracked());
    }

    /** Keeps the weights of the best checkpoint in the folder, or their average. */
    void read() {
        Device device = network.manager().getDevice();
        try (Checkpoint checkpoint = Checkpoint.open(folder.best());
                Network best = checkpoint.network(device)) {
            copy(best.stateDict(), best.batchesTracked());
        }
    }

    private void copy(Map<String, NDArray> weights, Map<String, Long> counts) {
        kept.values().forEach(NDArray::close);
        kept.clear();
        batchesTracked = counts;
        weights.forEach(
                (name, array) -> {
                    NDArray copy = array.duplicate();
                    copy.attach(manager);
                    kept.put(name, copy);
                });
    }

    /**
     * Restores the kept weights to the network.
     *
     * @return whether there were any
     */
    boolean restore() {
        if (kept.isEmpty()) {
            return false;
        }
        network.setBatchesTracked(batchesTracked);
        EngineTraits traits = EngineTraits.of(network.manager().getEngine());
        kept.forEach(
                (name, best) -> traits.assign(network.parameters().get(name).getArray(), best));
        return true;
    }

    @Override
    public void close() {
        manager.close();
    }
}
