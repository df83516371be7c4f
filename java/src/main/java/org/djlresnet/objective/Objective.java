package org.djlresnet.objective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import java.util.List;
import java.util.Map;

/**
 * What training minimizes and measures.
 *
 * <p>To add another, implement this interface and choose it in {@code TrainingPlan}.
 */
public interface Objective {

    /**
     * What a training batch came to.
     *
     * @param loss the mean loss over the examples, a scalar that gradients can be taken of
     * @param sums for each metric but the loss its sum over the examples, a scalar
     */
    record Value(NDArray loss, Map<String, NDArray> sums) {}

    /**
     * Returns the metrics, {@code loss} first.
     *
     * @return the metrics, in the order of the columns of {@code metrics.csv}
     */
    List<Metric> metrics();

    /**
     * Returns the metric that selects the best epoch and that patience waits for.
     *
     * @return one of {@link #metrics}
     */
    Metric selection();

    /**
     * Returns the metric that the schedule {@code plateau} follows.
     *
     * @return one of {@link #metrics}
     */
    Metric plateau();

    /**
     * Computes the loss of a training batch and the sums of the other metrics.
     *
     * @param outputs the network's outputs in training mode
     * @param batch the batch that they are of
     * @return loss and sums, on the outputs' manager
     */
    Value apply(NDList outputs, Minibatch batch);

    /**
     * Begins an evaluation.
     *
     * @return sums over no example
     */
    Measurement measurement();
}
