package org.djlresnet.bridge;

import com.google.gson.JsonObject;
import org.djlresnet.landscape.PointMeasurement;

/** Measures a loss surface on its own thread, for Python. */
public final class SurfaceHandle {

    private final PointMeasurement points;
    private final Task task;

    /**
     * Starts to measure.
     *
     * @param points the points
     * @param measurement measures them
     */
    SurfaceHandle(PointMeasurement points, Runnable measurement) {
        this.points = points;
        task = new Task("landscape", measurement);
    }

    /**
     * Returns the progress.
     *
     * @return {@code {"done": points with a result, "total": all points, "measured": points
     *     measured by this process}}
     */
    public String progress() {
        JsonObject json = new JsonObject();
        json.addProperty("done", points.done());
        json.addProperty("total", points.size());
        json.addProperty("measured", points.measured());
        return json.toString();
    }

    /** Asks to stop after the current batch. */
    public void stop() {
        points.stop();
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
}
