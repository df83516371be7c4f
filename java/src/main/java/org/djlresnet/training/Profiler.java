package org.djlresnet.training;

import ai.djl.ndarray.NDArray;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.djlresnet.engine.Precision;
import org.djlresnet.graph.Graph;
import org.djlresnet.image.ImageShape;
import org.djlresnet.model.Network;
import org.djlresnet.objective.Minibatch;
import org.djlresnet.objective.Objective;
import org.djlresnet.program.Clock;

/**
 * Measures the time of a training step: forward and backward pass of each part of the network, the
 * loss, the optimizer, the data and the rest.
 *
 * <p>The program reads the clock where a part begins. The first step, a warm-up, is excluded if
 * there are more.
 */
final class Profiler extends ProgramPass {

    private final List<Clock.Lap> laps;
    private final List<String> names;

    /** Nanoseconds: forward passes of parts and loss, their backward passes, tasks. */
    private final long[] nanos;

    private final long[] firstStep;
    private long steps;
    private long read;

    /** Compiles a training pass that reads the clock, see {@link ProgramPass}. */
    Profiler(
            Network network,
            Graph graph,
            Objective objective,
            ImageShape images,
            Precision precision,
            boolean drops,
            boolean mixes) {
        this(network, graph, objective, images, precision, drops, mixes, new Clock());
    }

    private Profiler(
            Network network,
            Graph graph,
            Objective objective,
            ImageShape images,
            Precision precision,
            boolean drops,
            boolean mixes,
            Clock clock) {
        super(network, graph, objective, images, precision, drops, mixes, clock);
        laps = clock.laps();
        names = laps.stream().map(Clock.Lap::part).distinct().toList();
        nanos = new long[2 * names.size() + Task.values().length];
        firstStep = new long[nanos.length];
    }

    @Override
    public Result run(Minibatch batch) {
        lapTo(task(Task.DATA));
        Result result = super.run(batch);
        read = System.nanoTime();
        return result;
    }

    @Override
    void record(NDArray readings) {
        long[] times = readings.toLongArray();
        readings.close();
        for (int i = 0; i < laps.size(); i++) {
            Clock.Lap lap = laps.get(i);
            int slot = names.indexOf(lap.part());
            boolean backward = lap.phase().equals(Clock.BACKWARD);
            nanos[backward ? names.size() + slot : slot] += times[i + 1] - times[i];
        }
    }

    @Override
    public void begin() {
        read = System.nanoTime();
    }

    @Override
    public void lap(Task task) {
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
    public void stepDone() {
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
