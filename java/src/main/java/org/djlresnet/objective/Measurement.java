package org.djlresnet.objective;

import ai.djl.ndarray.NDList;
import java.util.Map;

/** The metrics of an evaluation, summed batch by batch. For one thread. */
public interface Measurement {

    /**
     * Adds a batch.
     *
     * @param outputs the network's outputs in evaluation mode
     * @param batch the batch that they are of
     */
    void add(NDList outputs, Minibatch batch);

    /**
     * Returns the number of examples so far.
     *
     * @return their number
     */
    long examples();

    /**
     * Returns the metrics of the examples so far.
     *
     * @return means over the examples by the names of {@link Objective#metrics}, in their order;
     *     NaN before the first batch
     */
    Map<String, Double> metrics();
}
