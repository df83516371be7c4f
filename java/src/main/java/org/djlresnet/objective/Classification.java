package org.djlresnet.objective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.training.loss.Loss;
import java.util.List;
import java.util.Map;

/**
 * One class for each example: softmax cross-entropy, and the fraction of correct predictions.
 *
 * <p>The network's only output are logits, float32, (N, classes).
 */
public final class Classification implements Objective {

    /** The name of the fraction of correct predictions. */
    public static final String ACCURACY = "accuracy";

    private static final Metric LOSS = new Metric(Metric.LOSS, false);
    private static final Metric CORRECT = new Metric(ACCURACY, true);

    private final int classes;
    private final Loss loss = Loss.softmaxCrossEntropyLoss();

    /**
     * Creates the objective.
     *
     * @param classes the number of classes
     */
    public Classification(int classes) {
        this.classes = classes;
    }

    @Override
    public List<Metric> metrics() {
        return List.of(LOSS, CORRECT);
    }

    @Override
    public Metric selection() {
        return CORRECT;
    }

    @Override
    public Metric plateau() {
        return LOSS;
    }

    @Override
    public Value apply(NDList outputs, Minibatch batch) {
        NDArray logits = outputs.singletonOrThrow();
        NDArray meanLoss = loss.evaluate(new NDList(batch.labels()), outputs);
        NDArray correct =
                logits.argMax(1)
                        .toType(DataType.INT32, false)
                        .eq(batch.labels())
                        .toType(DataType.FLOAT32, false)
                        .sum();
        return new Value(meanLoss, Map.of(ACCURACY, correct));
    }

    @Override
    public ClassificationMeasurement measurement() {
        return new ClassificationMeasurement(classes);
    }
}
