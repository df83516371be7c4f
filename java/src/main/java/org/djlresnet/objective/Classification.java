package org.djlresnet.objective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import java.util.List;
import java.util.Map;

/**
 * Single-label classification: accuracy, and softmax cross-entropy or another {@link LabelLoss}.
 * Evaluation always measures the plain cross-entropy, so that runs compare.
 *
 * <p>The network's only output is logits, float32, (N, classes).
 */
public final class Classification implements Objective {

    /** The metric that is the fraction of correct predictions. */
    public static final String ACCURACY = "accuracy";

    private static final Metric LOSS_METRIC = new Metric(Metric.LOSS, false);
    private static final Metric ACCURACY_METRIC = new Metric(ACCURACY, true);

    private final int classes;
    private final LabelLoss loss;

    /**
     * Creates the objective with the cross-entropy.
     *
     * @param classes the number of classes
     */
    public Classification(int classes) {
        this(classes, LabelLoss.CROSS_ENTROPY);
    }

    /**
     * Creates the objective.
     *
     * @param classes the number of classes
     * @param loss the loss that training minimizes
     */
    public Classification(int classes, LabelLoss loss) {
        this.classes = classes;
        this.loss = loss;
    }

    @Override
    public List<Metric> metrics() {
        return List.of(LOSS_METRIC, ACCURACY_METRIC);
    }

    @Override
    public Metric selection() {
        return ACCURACY_METRIC;
    }

    @Override
    public Metric plateau() {
        return LOSS_METRIC;
    }

    @Override
    public Value apply(NDList outputs, Minibatch batch) {
        NDArray logits = outputs.singletonOrThrow();
        NDArray meanLoss = loss.mean(logits, batch.labels());
        NDArray correct =
                logits.argMax(1)
                        .toType(DataType.INT32, false)
                        .eq(batch.labels())
                        .toType(DataType.FLOAT32, false)
                        .sum();
        return new Value(meanLoss, Map.of(ACCURACY, correct));
    }

    @Override
    public String program() {
        return loss.methods()
                + """
                  def loss(self: __torch__.Program, outputs: List[Tensor], y: Tensor) -> List[Tensor]:
                    logits = outputs[0]
                    classes = torch.to(y, 4)
                    loss = %s
                    correct = torch.sum(torch.eq(torch.argmax(logits, 1), classes))
                    return [loss, torch.to(correct, 6)]
                """
                        .formatted(loss.mean("logits", "classes"));
    }

    @Override
    public ClassificationMeasurement measurement() {
        return new ClassificationMeasurement(classes);
    }
}
