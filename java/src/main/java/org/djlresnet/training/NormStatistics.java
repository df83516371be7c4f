package org.djlresnet.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Parameter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.djlresnet.block.BatchNorm;
import org.djlresnet.data.Batch;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.Network;
import org.djlresnet.model.StateDict;
import org.djlresnet.objective.Minibatch;

/** Computes running statistics for weights with which no step was trained. */
public final class NormStatistics {

    /** A running statistic, zeros of its shape, its sum over batches, and a batch's share. */
    private record Statistic(NDArray array, NDArray zeros, NDArray sum, float share) {}

    private NormStatistics() {}

    /**
     * Sets each running statistic to the mean of batches' statistics, as
     * torch.optim.swa_utils.update_bn does. Those that training keeps stay the same, and so do the
     * counts of batches.
     *
     * @param network the network
     * @param batches returns the next batch, or null at the end
     */
    static void compute(Network network, Supplier<Batch> batches) {
        average(
                network,
                () -> {
                    Batch next = batches.get();
                    if (next == null) {
                        return false;
                    }
                    try (Batch batch = next;
                            NDManager scope = network.manager().newSubManager()) {
                        network.forward(Minibatch.of(batch, scope).images(), true);
                    }
                    return true;
                });
    }

    /**
     * Sets each running statistic to that of a batch.
     *
     * @param network the network
     * @param images float32, (N, C, H, W), prepared, on the network's device
     */
    public static void compute(Network network, NDArray images) {
        boolean[] done = {false};
        average(
                network,
                () -> {
                    if (done[0]) {
                        return false;
                    }
                    network.forward(images, true);
                    done[0] = true;
                    return true;
                });
    }

    /** Averages the statistics of training passes, each of which returns false if there is none. */
    private static void average(Network network, BooleanSupplier pass) {
        Map<String, Long> counts = network.batchesTracked();
        EngineTraits traits = EngineTraits.of(network.manager().getEngine());
        try (NDManager manager = network.manager().newSubManager()) {
            List<Statistic> statistics = statistics(network, manager);
            int count = 0;
            while (true) {
                // from 0, a training step moves a statistic to a share of the batch's
                statistics.forEach(one -> traits.assign(one.array, one.zeros));
                if (!pass.getAsBoolean()) {
                    break;
                }
                statistics.forEach(one -> one.sum.addi(one.array));
                count++;
            }
            for (Statistic one : statistics) {
                traits.assign(one.array, one.sum.divi(one.share * count));
            }
        }
        network.setBatchesTracked(counts);
    }

    private static List<Statistic> statistics(Network network, NDManager manager) {
        List<Statistic> statistics = new ArrayList<>();
        for (BatchNorm norm : StateDict.counters(network.block()).values()) {
            for (Parameter parameter : norm.getDirectParameters().values()) {
                boolean runs =
                        parameter.getType() == Parameter.Type.RUNNING_MEAN
                                || parameter.getType() == Parameter.Type.RUNNING_VAR;
                if (runs && !norm.keepsStatistics()) {
                    NDArray array = parameter.getArray();
                    statistics.add(
                            new Statistic(
                                    array,
                                    manager.zeros(array.getShape()),
                                    manager.zeros(array.getShape()),
                                    1 - norm.momentum()));
                }
            }
        }
        return statistics;
    }
}
