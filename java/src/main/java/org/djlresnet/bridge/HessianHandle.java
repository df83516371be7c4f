package org.djlresnet.bridge;

import java.util.function.Supplier;
import org.djlresnet.landscape.Hessian;

/** Measures a Hessian on its own thread, for Python. */
public final class HessianHandle {

    private final Hessian hessian;
    private final Task task;
    private volatile String results;

    /**
     * Starts to measure.
     *
     * @param hessian the Hessian
     * @param measurement measures it
     */
    HessianHandle(Hessian hessian, Supplier<String> measurement) {
        this.hessian = hessian;
        task = new Task("hessian", () -> results = measurement.get());
    }

    /**
     * Returns the progress.
     *
     * @return the JSON text of {@link Hessian#progress}
     */
    public String progress() {
        return hessian.progress();
    }

    /** Asks to stop after the current batch. */
    public void stop() {
        hessian.stop();
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
     * @return the content of {@code hessian.json}; {@code null} as text if it was stopped
     */
    public String results() {
        return String.valueOf(results);
    }
}
