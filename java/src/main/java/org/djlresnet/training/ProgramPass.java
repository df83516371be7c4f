package org.djlresnet.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Parameter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.djlresnet.block.BatchNorm;
import org.djlresnet.block.ResidualBlock;
import org.djlresnet.engine.Precision;
import org.djlresnet.engine.TorchScript;
import org.djlresnet.graph.Graph;
import org.djlresnet.graph.Window;
import org.djlresnet.image.ImageShape;
import org.djlresnet.model.Network;
import org.djlresnet.model.ResidualBlocks;
import org.djlresnet.model.StateDict;
import org.djlresnet.objective.Metric;
import org.djlresnet.objective.Minibatch;
import org.djlresnet.objective.Objective;
import org.djlresnet.optimizer.Gradients;
import org.djlresnet.program.Clock;
import org.djlresnet.program.Programs;

/** Computes gradients by one call of a program. */
class ProgramPass implements GradientPass {

    private final Network network;
    private final Objective objective;
    private final List<String> trained;
    private final Map<String, ResidualBlock> gated;
    private final TorchScript program;
    private final NDList parameters;
    private final Map<BatchNorm, ResidualBlock> norms = new LinkedHashMap<>();

    /**
     * Compiles the training pass, and arranges the network's weights in memory for it.
     *
     * @param network the network
     * @param graph what it computes
     * @param objective the objective
     * @param images the shape of its images
     * @param precision the precision of convolutions and activations
     * @param drops whether steps may drop residual branches
     * @param mixes whether batches have second labels
     * @param clock receives what the readings mean; null for none
     */
    ProgramPass(
            Network network,
            Graph graph,
            Objective objective,
            ImageShape images,
            Precision precision,
            boolean drops,
            boolean mixes,
            Clock clock) {
        this.network = network;
        this.objective = objective;
        trained = trained(network.parameters());
        Map<String, ResidualBlock> blocks = ResidualBlocks.of(network.block());
        gated = drops ? blocks : Map.of();
        NDManager manager = network.manager();
        program =
                new TorchScript(
                        manager,
                        Programs.training(
                                graph,
                                new Window.Pair(images.height(), images.width()),
                                precision,
                                List.copyOf(network.parameters().keySet()),
                                trained,
                                Programs.canUseOneDnn(
                                        network.stateDict().values().iterator().next(), precision),
                                objective.program(),
                                mixes,
                                List.copyOf(gated.keySet()),
                                keptStatistics(),
                                clock));
        arrange();
        parameters = handles();
        StateDict.counters(network.block()).values().forEach(norm -> norms.put(norm, null));
        blocks.values()
                .forEach(
                        block ->
                                StateDict.counters(block.branch())
                                        .values()
                                        .forEach(norm -> norms.put(norm, block)));
    }

    private static List<String> trained(Map<String, Parameter> parameters) {
        return parameters.entrySet().stream()
                .filter(entry -> entry.getValue().requiresGradient())
                .map(Map.Entry::getKey)
                .toList();
    }

    /** The running means of batch normalizations that keep their statistics. */
    private Set<String> keptStatistics() {
        Set<String> means = new HashSet<>();
        StateDict.counters(network.block())
                .forEach(
                        (counter, norm) -> {
                            if (norm.keepsStatistics()) {
                                means.add(counter.replace(StateDict.COUNTER, "running_mean"));
                            }
                        });
        return means;
    }

    /** Puts the weights into the memory order that the program wants. */
    private void arrange() {
        Collection<Parameter> all = network.parameters().values();
        try (NDList handles = handles()) {
            NDList arranged = program.call("arrange", handles);
            int i = 0;
            for (Parameter parameter : all) {
                parameter.getArray().intern(arranged.get(i++));
                parameter.getArray().setRequiresGradient(parameter.requiresGradient());
            }
        }
    }

    /** Arrays on the parameters' memory that record nothing. */
    private NDList handles() {
        List<NDArray> handles = new ArrayList<>();
        network.stateDict().values().forEach(array -> handles.add(array.stopGradient()));
        return TorchScript.list("q", handles);
    }

    @Override
    public Result run(Minibatch batch) {
        NDList arguments = new NDList(batch.images(), batch.labels());
        if (batch.share() != null) {
            arguments.add(batch.secondLabels());
            arguments.add(batch.share());
        }
        if (batch.noise() != null) {
            arguments.add(batch.noise());
            arguments.add(batch.klWeight());
        }
        arguments.addAll(parameters);
        if (!gated.isEmpty()) {
            float[] factors = new float[gated.size()];
            int i = 0;
            for (ResidualBlock block : gated.values()) {
                factors[i++] = block.gate().factor();
            }
            arguments.add(batch.images().getManager().create(factors));
        }
        NDList results = program.call("step", arguments);
        norms.forEach(
                (norm, block) -> {
                    boolean computed = block == null || !block.gate().isShut(true);
                    if (computed && !norm.keepsStatistics()) {
                        norm.setBatchesTracked(norm.batchesTracked() + 1);
                    }
                });
        Map<String, NDArray> sums = new LinkedHashMap<>();
        int next = 1;
        for (Metric metric : objective.metrics()) {
            if (!metric.name().equals(Metric.LOSS)) {
                sums.put(metric.name(), results.get(next++));
            }
        }
        // the first output
        results.get(next++).close();
        Map<String, NDArray> gradients = new LinkedHashMap<>();
        for (String name : trained) {
            gradients.put(name, results.get(next++));
        }
        if (next < results.size()) {
            record(results.get(next));
        }
        return new Result(new Objective.Value(results.get(0), sums), new Gradients(gradients));
    }

    /** Receives the readings of the clock, int64, in nanoseconds. */
    void record(NDArray readings) {}

    @Override
    public void close() {
        parameters.close();
        program.close();
    }
}
