package org.djlresnet.objective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.model.Network;

/**
 * Defines what training minimizes and measures.
 *
 * <p>To add an objective, implement this interface and select it in {@code TrainingPlan}.
 */
public interface Objective {

    /**
     * The results of a training batch.
     *
     * @param loss the mean loss over the examples, a differentiable scalar
     * @param sums for each metric except the loss, its sum over the examples, a scalar
     */
    record Value(NDArray loss, Map<String, NDArray> sums) {

        /**
         * Mixes the results of a batch for two labels of each image.
         *
         * @param second the results for the second labels
         * @param share the share of these results, a scalar from 0 to 1
         * @return {@code share} of each of these results, and the rest of the second
         */
        public Value mixed(Value second, NDArray share) {
            Map<String, NDArray> mixed = new LinkedHashMap<>();
            sums.forEach((name, sum) -> mixed.put(name, mixed(sum, second.sums.get(name), share)));
            return new Value(mixed(loss, second.loss, share), mixed);
        }

        private static NDArray mixed(NDArray first, NDArray second, NDArray share) {
            return first.sub(second).mul(share).add(second);
        }
    }

    /**
     * Returns the metrics, {@code loss} first.
     *
     * @return the metrics, in the order of the columns of {@code metrics.csv}
     */
    List<Metric> metrics();

    /**
     * Returns the metric that selects the best epoch and controls early stopping.
     *
     * @return one of {@link #metrics}
     */
    Metric selection();

    /**
     * Returns the metric that the {@code plateau} schedule monitors.
     *
     * @return one of {@link #metrics}
     */
    Metric plateau();

    /**
     * Computes the loss of a training batch and the sums of the other metrics. If images are mixed,
     * it is called for each of the labels, see {@link Value#mixed}.
     *
     * @param outputs the network's outputs in training mode
     * @param batch the batch they were computed from
     * @return the loss and the sums, on the outputs' manager
     */
    Value apply(NDList outputs, Minibatch batch);

    /**
     * Returns {@link #apply} as TorchScript: a method {@code loss(outputs: List[Tensor], y: Tensor)
     * -> List[Tensor]} that returns the loss and, for each other metric in the order of {@link
     * #metrics}, its sum. For a network that samples it is {@code loss(outputs: List[Tensor], x:
     * Tensor, weight: Tensor)}, with the images and the weight of the KL divergence.
     *
     * @return the method, indented by two spaces
     */
    String program();

    /**
     * Sets what evaluations need and training determines. Called at the end of each epoch.
     *
     * @param metrics the epoch's training metrics by name
     * @param network the network
     */
    default void epochEnded(Map<String, Double> metrics, Network network) {}

    /**
     * Starts an evaluation.
     *
     * @return an empty measurement
     */
    Measurement measurement();
}
