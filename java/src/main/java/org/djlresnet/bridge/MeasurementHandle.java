package org.djlresnet.bridge;

import java.util.function.Supplier;

/** Measures on its own thread, for Python. */
public final class MeasurementHandle {

    private final Supplier<String> progress;
    private final Runnable stop;
    private final Task task;
    private volatile String results;

    /**
     * Starts to measure.
     *
     * @param name the thread's name
     * @param measurement measures; returns the results, or null if it was stopped or wrote files
     * @param progress returns the progress as JSON
     * @param stop asks the measurement to stop
     */
    MeasurementHandle(
            String name, Supplier<String> measurement, Supplier<String> progress, Runnable stop) {
        this.progress = progress;
        this.stop = stop;
        task = new Task(name, () -> results = measurement.get());
    }

    /**
     * Returns the progress.
     *
     * @return JSON text
     */
    public String progress() {
        return progress.get();
    }

    /** Asks to stop after the current batch. */
    public void stop() {
        stop.run();
    }

    /**
     * Waits for the end.
     *
     * @param milliseconds the longest time to wait
     * @return whether it has ended
     * @throws InterruptedException if this thread is interrupted
     */
    public boolean await(long milliseconds) throws InterruptedException {
        return task.await(milliseconds);
    }

    /** Throws the error that ended it, if any. */
    public void check() {
        task.check();
    }

    /**
     * Returns the results after the end.
     *
     * @return JSON text; {@code null} as text if it was stopped, or its results are files
     */
    public String results() {
        return String.valueOf(results);
    }
}
