package org.djlresnet.landscape;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.engine.Precision;
import org.djlresnet.evaluation.Evaluator;
import org.djlresnet.evaluation.NormStatistics;
import org.djlresnet.model.Inference;
import org.djlresnet.model.Network;
import org.djlresnet.objective.ClassificationMeasurement;
import org.djlresnet.objective.Minibatch;

/**
 * Measures a network at points of the space of its weights, {@code w + Σ cᵢ · dᵢ}.
 *
 * <p>It changes the network's weights in place, each time from a copy of the first ones, so that a
 * result does not depend on the points before it. {@link #close} restores them. Create it on the
 * thread that uses it.
 */
public final class LossProbe implements AutoCloseable {

    private final Network network;
    private final HeldExamples examples;
    private final boolean recalibrates;
    private final EngineTraits traits;
    private final NDManager manager;
    private final Map<String, NDArray> weights;
    private final Map<String, NDArray> origin = new LinkedHashMap<>();
    private final Inference inference;
    private List<Map<String, NDArray>> directions = List.of();
    private StatisticsRange range = StatisticsRange.NONE;

    /**
     * Prepares to measure.
     *
     * @param network the network, whose weights are the origin
     * @param examples the examples, which must stay open
     * @param precision the precision of convolutions and activations
     * @param recalibrates whether batch normalization gets statistics of the examples at each
     *     point; otherwise it keeps its running statistics
     * @throws org.djlresnet.UserException if the network cannot run in the precision
     */
    public LossProbe(
            Network network, HeldExamples examples, Precision precision, boolean recalibrates) {
        this.network = network;
        this.examples = examples;
        this.recalibrates = recalibrates;
        traits = EngineTraits.of(network.manager().getEngine());
        Evaluator.disableGradients(network);
        inference = new Inference(network, precision, true, true);
        manager = network.manager().newSubManager();
        weights = network.stateDict();
        weights.forEach(
                (name, array) -> {
                    NDArray copy = array.duplicate();
                    copy.attach(manager);
                    origin.put(name, copy);
                });
    }

    /**
     * Sets the directions.
     *
     * @param wanted float32 arrays by tensor names for each direction, in the tensors' shapes, on
     *     the network's device; tensors without an array do not move. They must stay open.
     */
    public void setDirections(List<Map<String, NDArray>> wanted) {
        restore();
        directions = wanted;
    }

    /**
     * Bounds the running statistics at all points.
     *
     * @param bounds the range, which must stay open
     */
    public void setStatisticsRange(StatisticsRange bounds) {
        range = bounds;
    }

    /**
     * Measures the network at a point, unless it is stopped before the end.
     *
     * @param stopped whether to stop, asked before each batch
     * @param coefficients a coefficient for each direction
     * @return the result; null if it was stopped
     */
    public PointResult at(BooleanSupplier stopped, double... coefficients) {
        move(coefficients);
        Consumer<Consumer<Minibatch>> batches =
                use ->
                        examples.forEach(
                                batch -> {
                                    if (!stopped.getAsBoolean()) {
                                        use.accept(batch);
                                    }
                                });
        if (recalibrates) {
            NormStatistics.compute(
                    network,
                    forward -> batches.accept(batch -> forward.accept(new NDList(batch.images()))));
        }
        ClassificationMeasurement measurement =
                new ClassificationMeasurement(network.classNames().size());
        batches.accept(
                batch -> measurement.add(new NDList(inference.forward(batch.images())), batch));
        return stopped.getAsBoolean() ? null : result(measurement);
    }

    private static PointResult result(ClassificationMeasurement measurement) {
        double count = measurement.examples();
        double accuracy = measurement.accuracy();
        return new PointResult(
                measurement.lossSum() / count,
                accuracy,
                measurement.lossError(),
                Math.sqrt(accuracy * (1 - accuracy) / (count - 1)));
    }

    /** Moves the weights to a point, one tensor after another: there is no second copy of all. */
    private void move(double... coefficients) {
        inference.refresh();
        Set<String> names = new LinkedHashSet<>();
        directions.forEach(direction -> names.addAll(direction.keySet()));
        for (String name : names) {
            try (NDArray value = range.clip(name, moved(name, coefficients))) {
                traits.assign(weights.get(name), value);
            }
        }
    }

    private NDArray moved(String name, double... coefficients) {
        NDArray value = origin.get(name).duplicate();
        for (int i = 0; i < directions.size(); i++) {
            NDArray direction = directions.get(i).get(name);
            if (direction != null) {
                try (NDArray step = direction.mul(coefficients[i])) {
                    value.addi(step);
                }
            }
        }
        return value;
    }

    private void restore() {
        origin.forEach((name, value) -> traits.assign(weights.get(name), value));
    }

    /** Restores the network's weights, and frees the program. */
    @Override
    public void close() {
        restore();
        inference.close();
        manager.close();
    }
}
