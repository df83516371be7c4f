package org.djlresnet.landscape;

/** Points that are measured on one thread, and watched by others. */
public interface PointMeasurement {

    /** Asks the measuring thread to return, without finishing the current point. */
    void stop();

    /**
     * Returns the number of points with a result, those of other processes included.
     *
     * @return the number
     */
    int done();

    /**
     * Returns the number of points.
     *
     * @return the number
     */
    int size();
}
