package org.djlresnet.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.nn.Block;
import ai.djl.training.GradientCollector;
import ai.djl.training.ParameterStore;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.djlresnet.block.Chain;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.Network;
import org.djlresnet.model.NetworkParts;
import org.djlresnet.objective.Minibatch;
import org.djlresnet.objective.Objective;
import org.djlresnet.recipe.SettingException;

/**
 * Measures the time of a training step: forward and backward pass of each part of the network, the
 * loss, the optimizer, the data and the rest.
 *
 * <p>The graph is cut between the parts. A part's input is a leaf, and its gradient starts the
 * backward pass of the previous part. The operations and their order are those of an uncut pass, so
 * results are bit-identical, and the clock can be read between parts. The first step, a warm-up, is
 * excluded if there are more.
 */
final class Profiler extends GradientPass {

    private static final String LOSS = "loss";

    private final EngineTraits traits;
    private final Network network;
    private final ParameterStore parameterStore;
    private final List<String> names;
    private final List<List<Block>> parts;

    /** Nanoseconds: forward passes of parts and loss, their backward passes, tasks. */
    private final long[] nanos;

    private final long[] firstStep;
    private long steps;
    private long read;

    /**
     * Creates a profiler.
     *
     * @param network the network, on the CPU and the PyTorch engine
     * @param objective the objective
     * @throws SettingException if the engine or device works asynchronously
     */
    Profiler(Network network, Objective objective) {
        super(network, objective);
        traits = EngineTraits.of(network.manager().getEngine());
        if (!traits.computesAtOnce(network.manager().getDevice())) {
            throw SettingException.of(
                    "\"profile\" needs \"engine\" pytorch and \"device\" cpu, because others"
                            + " work asynchronously."
                            + " Received: %s, %s.",
                    network.manager().getEngine().getEngineName().toLowerCase(Locale.ROOT),
                    network.manager().getDevice().getDeviceType());
        }
        this.network = network;
        parameterStore = new ParameterStore(network.manager(), false);
        names = new ArrayList<>(NetworkParts.of(network.block()).keySet());
        names.add(LOSS);
        parts = List.copyOf(NetworkParts.of(network.block()).values());
        nanos = new long[2 * names.size() + Task.values().length];
        firstStep = new long[nanos.length];
    }

    @Override
    Objective.Value run(Minibatch batch) {
        try (GradientCollector collector = network.manager().getEngine().newGradientCollector()) {
            List<NDArray> inputs = new ArrayList<>();
            List<NDArray> outputs = new ArrayList<>();
            lapTo(task(Task.DATA));
            NDArray current = batch.images();
            for (int i = 0; i < parts.size(); i++) {
                // the images need no gradient
                inputs.add(i == 0 ? current : cut(current));
                current = forward(parts.get(i), inputs.get(i));
                outputs.add(current);
                lapTo(i);
            }
            NDArray logits = cut(current);
            Objective.Value value = objective.apply(new NDList(logits), batch);
            lapTo(parts.size());
            collector.backward(value.loss());
            lapTo(names.size() + parts.size());
            NDArray next = logits;
            for (int i = parts.size() - 1; i >= 0; i--) {
                try (NDArray gradient = next.getGradient()) {
                    traits.backward(outputs.get(i), gradient);
                }
                if (i < parts.size() - 1) {
                    // an uncut pass also frees the gradient here
                    next.close();
                }
                next = inputs.get(i);
                lapTo(names.size() + i);
            }
            return value;
        }
    }

    private static NDArray cut(NDArray output) {
        NDArray leaf = output.stopGradient();
        leaf.setRequiresGradient(true);
        return leaf;
    }

    private NDArray forward(List<Block> part, NDArray input) {
        return Chain.forward(part, parameterStore, new NDList(input), true, null)
                .singletonOrThrow();
    }

    @Override
    void begin() {
        read = System.nanoTime();
    }

    @Override
    void lap(Task task) {
        lapTo(task(task));
    }

    private int task(Task task) {
        return 2 * names.size() + task.ordinal();
    }

    private void lapTo(int slot) {
        long now = System.nanoTime();
        nanos[slot] += now - read;
        read = now;
    }

    @Override
    void stepDone() {
        steps++;
        if (steps == 1) {
            System.arraycopy(nanos, 0, firstStep, 0, nanos.length);
        }
    }

    /**
     * Returns the means over the steps so far.
     *
     * @return the profile; without rows before the first step
     */
    Profile profile() {
        if (steps == 0) {
            return new Profile(0, List.of());
        }
        long counted = steps > 1 ? steps - 1 : steps;
        double[] ms = new double[nanos.length];
        for (int i = 0; i < ms.length; i++) {
            ms[i] = (nanos[i] - (steps > 1 ? firstStep[i] : 0)) / 1e6 / counted;
        }
        double all = Arrays.stream(ms).sum();
        List<Profile.Row> rows = new ArrayList<>();
        rows.add(row(Task.DATA, ms, all));
        for (int i = 0; i < names.size(); i++) {
            double forward = ms[i];
            double backward = ms[names.size() + i];
            double total = forward + backward;
            rows.add(new Profile.Row(names.get(i), forward, backward, total, total / all));
        }
        rows.add(row(Task.OPTIMIZER, ms, all));
        rows.add(row(Task.BOOKKEEPING, ms, all));
        return new Profile(counted, rows);
    }

    private Profile.Row row(Task task, double[] ms, double all) {
        double total = ms[task(task)];
        String name = task.name().toLowerCase(Locale.ROOT);
        return new Profile.Row(name, null, null, total, total / all);
    }
}
