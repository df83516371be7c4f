package org.djlresnet.objective;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Three examples of two classes with known probabilities. */
@Tag("engine")
class ClassificationTest {

    private static final float LOG3 = (float) Math.log(3);

    /** Softmax gives (3/4, 1/4), (1/2, 1/2) and (1/4, 3/4). */
    private static final float[] LOGITS = {LOG3, 0, 1, 1, 0, LOG3};

    private static final int[] LABELS = {0, 1, 0};

    /** -log of 3/4, 1/2 and 1/4. */
    private static final double LOSS_SUM = Math.log(4.0 / 3) + Math.log(2) + Math.log(4);

    private final Classification classification = new Classification(2);

    private static Minibatch batch(NDManager manager) {
        return new Minibatch(manager.ones(new Shape(3, 1, 1, 1)), manager.create(LABELS));
    }

    @Test
    void lossIsMeanCrossEntropyWithItsGradient() {
        try (NDManager manager = NDManager.newBaseManager()) {
            NDArray logits = manager.create(LOGITS, new Shape(3, 2));
            logits.setRequiresGradient(true);
            Objective.Value value;
            try (GradientCollector collector = manager.getEngine().newGradientCollector()) {
                value = classification.apply(new NDList(logits.mul(1)), batch(manager));
                collector.backward(value.loss());
            }
            // MXNet adds an epsilon to the probabilities
            assertEquals(LOSS_SUM / 3, value.loss().getFloat(), 1e-5);
            assertEquals(1, value.sums().get("accuracy").getFloat());
            // (probability - 1 for the true class, else probability) / 3
            float[] expected = {
                -1 / 12f, 1 / 12f, 1 / 6f, -1 / 6f, -1 / 4f, 1 / 4f,
            };
            assertArrayEquals(expected, logits.getGradient().toFloatArray(), 1e-6f);
        }
    }

    @Test
    void mixedValuesAreWeightedMeans() {
        try (NDManager manager = NDManager.newBaseManager()) {
            NDList logits = new NDList(manager.create(LOGITS, new Shape(3, 2)));
            // the second labels are the other classes
            Minibatch batch =
                    new Minibatch(
                            manager.ones(new Shape(3, 1, 1, 1)),
                            manager.create(LABELS),
                            manager.create(new int[] {1, 0, 1}),
                            manager.create(0.75f));
            Objective.Value mixed =
                    classification
                            .apply(logits, batch)
                            .mixed(classification.apply(logits, batch.second()), batch.share());
            // -log of 1/4, 1/2 and 3/4
            double other = Math.log(4) + Math.log(2) + Math.log(4.0 / 3);
            assertEquals((0.75 * LOSS_SUM + 0.25 * other) / 3, mixed.loss().getFloat(), 1e-5);
            // 1 of the first labels is predicted, and 2 of the second
            assertEquals(0.75 * 1 + 0.25 * 2, mixed.sums().get("accuracy").getFloat(), 1e-6);
        }
    }

    @Test
    void measurementSumsOverBatches() {
        ClassificationMeasurement measurement = classification.measurement();
        try (NDManager manager = NDManager.newBaseManager()) {
            NDArray logits = manager.create(LOGITS, new Shape(3, 2));
            measurement.add(new NDList(logits), batch(manager));
            measurement.add(new NDList(logits), batch(manager));
        }
        assertEquals(6, measurement.examples());
        assertEquals(LOSS_SUM / 3, measurement.metrics().get("loss"), 1e-6);
        assertEquals(1.0 / 3, measurement.metrics().get("accuracy"));
        assertEquals(2 * LOSS_SUM, measurement.lossSum(), 1e-5);
    }

    @Test
    void accuracySelectsAndPlateauMonitorsLoss() {
        assertEquals(
                List.of(new Metric("loss", false), new Metric("accuracy", true)),
                classification.metrics());
        assertEquals(classification.metrics().get(1), classification.selection());
        assertEquals(classification.metrics().get(0), classification.plateau());
    }
}
