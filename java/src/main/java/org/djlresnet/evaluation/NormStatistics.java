package org.djlresnet.evaluation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Parameter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.djlresnet.block.BatchNorm;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.Network;
import org.djlresnet.model.StateDict;

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
     * @param batches passes the inputs of the network for each batch to its argument
     */
    public static void compute(Network network, Consumer<Consumer<NDList>> batches) {
        Map<String, Long> counts = network.batchesTracked();
        EngineTraits traits = EngineTraits.of(network.manager().getEngine());
        try (NDManager manager = network.manager().newSubManager()) {
            List<Statistic> statistics = statistics(network, manager);
            AtomicInteger count = new AtomicInteger();
            batches.accept(
                    inputs -> {
                        // from 0, a training step moves a statistic to a share of the batch's
                        statistics.forEach(one -> traits.assign(one.array, one.zeros));
                        network.forward(inputs, true);
                        statistics.forEach(one -> one.sum.addi(one.array));
                        count.incrementAndGet();
                    });
            for (Statistic one : statistics) {
                traits.assign(one.array, one.sum.divi(one.share * count.get()));
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
