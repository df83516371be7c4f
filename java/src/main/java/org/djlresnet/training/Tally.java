package org.djlresnet.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayDeque;
import java.util.Queue;

/**
 * Sums of loss and right answers over the batches of an epoch.
 *
 * <p>A batch's figures stay on the device until several have come together or some time has passed,
 * so that an engine that works ahead is not made to wait at each step.
 */
final class Tally implements AutoCloseable {

    private static final int MOST_PENDING = 32;
    private static final long FLUSH_NANOS = 100_000_000L;

    private final NDManager manager;
    private final Queue<Pending> pending = new ArrayDeque<>();
    private long lastFlush = System.nanoTime();
    private long examples;
    private double lossSum;
    private long correct;

    private record Pending(long step, int count, NDArray meanLoss, NDArray correct) {}

    Tally(NDManager parent) {
        manager = parent.newSubManager();
    }

    /**
     * Adds a batch.
     *
     * @param step the step, for the message if its loss is no number
     * @param count the number of its examples
     * @param meanLoss its mean loss, a scalar; taken over
     * @param right the number of right answers, a scalar; taken over
     * @throws NonFiniteLossException if the loss of this or an earlier batch is NaN or infinite
     */
    void add(long step, int count, NDArray meanLoss, NDArray right) {
        meanLoss.attach(manager);
        right.attach(manager);
        pending.add(new Pending(step, count, meanLoss, right));
        if (pending.size() >= MOST_PENDING || System.nanoTime() - lastFlush > FLUSH_NANOS) {
            flush();
        }
    }

    /** Reads what is still on the device. */
    void flush() {
        for (Pending batch = pending.poll(); batch != null; batch = pending.poll()) {
            try (NDArray meanLoss = batch.meanLoss;
                    NDArray right = batch.correct) {
                float loss = meanLoss.getFloat();
                if (!Float.isFinite(loss)) {
                    throw new NonFiniteLossException(batch.step, loss);
                }
                examples += batch.count;
                lossSum += (double) loss * batch.count;
                correct += (long) right.getFloat();
            }
        }
        lastFlush = System.nanoTime();
    }

    long examples() {
        return examples;
    }

    double lossSum() {
        return lossSum;
    }

    long correct() {
        return correct;
    }

    double loss() {
        return lossSum / examples;
    }

    double accuracy() {
        return (double) correct / examples;
    }

    @Override
    public void close() {
        manager.close();
    }
}
