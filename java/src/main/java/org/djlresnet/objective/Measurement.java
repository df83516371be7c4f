package org.djlresnet.objective;

import ai.djl.ndarray.NDList;
import java.util.Map;

/** Accumulates the metrics of an evaluation batch by batch. Not thread-safe. */
public interface Measurement {

    /**
     * Adds a batch.
     *
     * @param outputs the network's outputs in evaluation mode
     * @param batch the batch they were computed from
     */
    void add(NDList outputs, Minibatch batch);

    /**
     * Returns the number of examples so far.
     *
     * @return the number
     */
    long examples();

    /**
     * Returns the metrics of the examples so far.
     *
     * @return the mean of each of {@link Objective#metrics} by name, in that order; NaN before the
     *     first batch
     */
    Map<String, Double> metrics();

    /**
     * Returns a row for each example in the order of the evaluation, in the columns {@code epoch,
     * example, label, predicted, probability, loss} for classification.
     *
     * @param epoch the epoch that the network has completed
     * @return a CSV text with a header
     */
    String predictions(int epoch);
}
