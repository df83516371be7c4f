package org.djlresnet.objective;

import ai.djl.ndarray.NDList;
import java.util.LinkedHashMap;
import java.util.Map;

/** Cross-entropy and accuracy, computed in double precision from the logits. */
public class ClassificationMeasurement implements Measurement {

    private final int classes;
    private double lossSum;
    private long examples;
    private long correct;

    /**
     * Starts a measurement.
     *
     * @param classes the number of classes
     */
    public ClassificationMeasurement(int classes) {
        this.classes = classes;
    }

    @Override
    public final void add(NDList outputs, Minibatch batch) {
        float[] logits = outputs.singletonOrThrow().toFloatArray();
        int[] labels = batch.labels().toIntArray();
        for (int i = 0; i < labels.length; i++) {
            int from = i * classes;
            int predicted = argmax(logits, from);
            count(labels[i], predicted);
            correct += predicted == labels[i] ? 1 : 0;
            lossSum += crossEntropy(logits, from, labels[i], predicted);
        }
        examples += labels.length;
    }

    /**
     * Counts an example. Does nothing unless overridden.
     *
     * @param label the true class
     * @param predicted the predicted class
     */
    protected void count(int label, int predicted) {}

    @Override
    public final long examples() {
        return examples;
    }

    @Override
    public final Map<String, Double> metrics() {
        Map<String, Double> metrics = new LinkedHashMap<>();
        metrics.put(Metric.LOSS, lossSum / examples);
        metrics.put(Classification.ACCURACY, (double) correct / examples);
        return metrics;
    }

    /**
     * Returns the sum of the examples' cross-entropies.
     *
     * @return the sum, in nats
     */
    public final double lossSum() {
        return lossSum;
    }

    private int argmax(float[] logits, int from) {
        int best = 0;
        for (int i = 1; i < classes; i++) {
            if (logits[from + i] > logits[from + best]) {
                best = i;
            }
        }
        return best;
    }

    private double crossEntropy(float[] logits, int from, int label, int largest) {
        double sum = 0;
        for (int i = 0; i < classes; i++) {
            sum += Math.exp(logits[from + i] - (double) logits[from + largest]);
        }
        return Math.log(sum) + logits[from + largest] - logits[from + label];
    }
}
