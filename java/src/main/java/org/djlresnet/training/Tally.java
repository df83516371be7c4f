package org.djlresnet.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import org.djlresnet.objective.Metric;
import org.djlresnet.objective.Objective;

/**
 * Sums of the metrics over the batches of an epoch.
 *
 * <p>A batch's sums stay on the device for up to 32 batches or 0.1 seconds, so that an asynchronous
 * engine need not wait at each step.
 */
final class Tally implements AutoCloseable {

    private static final int MOST_PENDING = 32;
    private static final long FLUSH_NANOS = 100_000_000L;

    private final NDManager manager;
    private final Queue<Pending> pending = new ArrayDeque<>();
    private final Map<String, Double> sums = new LinkedHashMap<>();
    private long lastFlush = System.nanoTime();
    private long examples;

    private record Pending(long step, int count, NDArray meanLoss, Map<String, NDArray> sums) {}

    /**
     * Begins or continues an epoch.
     *
     * @param parent the network's manager
     * @param metrics the objective's metrics
     * @param from the sums of the batches that an earlier process has completed
     */
    Tally(NDManager parent, List<Metric> metrics, TrainingState.Partial from) {
        manager = parent.newSubManager();
        metrics.forEach(
                metric -> sums.put(metric.name(), from.sums().getOrDefault(metric.name(), 0.0)));
        examples = from.examples();
    }

    /**
     * Adds a batch.
     *
     * @param step the step, for the message if the loss is not finite
     * @param count the number of examples
     * @param value loss and sums
     * @throws NonFiniteLossException if the loss of this or an earlier batch is NaN or infinite
     */
    void add(long step, int count, Objective.Value value) {
        Map<String, NDArray> kept = new LinkedHashMap<>();
        value.sums().forEach((name, sum) -> kept.put(name, keep(sum)));
        pending.add(new Pending(step, count, keep(value.loss().duplicate()), kept));
        if (pending.size() >= MOST_PENDING || System.nanoTime() - lastFlush > FLUSH_NANOS) {
            flush();
        }
    }

    private NDArray keep(NDArray scalar) {
        scalar.attach(manager);
        return scalar;
    }

    /** Reads the sums that are still on the device. */
    void flush() {
        for (Pending batch = pending.poll(); batch != null; batch = pending.poll()) {
            float loss = read(batch.meanLoss);
            if (!Float.isFinite(loss)) {
                throw new NonFiniteLossException(batch.step, loss);
            }
            examples += batch.count;
            sums.merge(Metric.LOSS, (double) loss * batch.count, Double::sum);
            batch.sums.forEach((name, sum) -> sums.merge(name, (double) read(sum), Double::sum));
        }
        lastFlush = System.nanoTime();
    }

    private static float read(NDArray scalar) {
        try (scalar) {
            return scalar.getFloat();
        }
    }

    long examples() {
        return examples;
    }

    /** Returns the sums so far for a checkpoint within the epoch. */
    TrainingState.Partial partial(double seconds) {
        return new TrainingState.Partial(examples, new LinkedHashMap<>(sums), seconds);
    }

    /** Returns the means so far by metric; empty before the first batch. */
    Map<String, Double> metrics() {
        Map<String, Double> means = new LinkedHashMap<>();
        if (examples > 0) {
            sums.forEach((name, sum) -> means.put(name, sum / examples));
        }
        return means;
    }

    @Override
    public void close() {
        manager.close();
    }
}
