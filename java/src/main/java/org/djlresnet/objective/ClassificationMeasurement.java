package org.djlresnet.objective;

import ai.djl.ndarray.NDList;
import java.util.LinkedHashMap;
import java.util.Map;

/** Cross-entropy and confusion matrix, computed in double precision from the logits. */
public final class ClassificationMeasurement implements Measurement {

    private final int classes;
    private final long[][] confusion;
    private double lossSum;
    private long examples;
    private long correct;

    ClassificationMeasurement(int classes) {
        this.classes = classes;
        confusion = new long[classes][classes];
    }

    @Override
    public void add(NDList outputs, Minibatch batch) {
        float[] logits = outputs.singletonOrThrow().toFloatArray();
        int[] labels = batch.labels().toIntArray();
        for (int i = 0; i < labels.length; i++) {
            int from = i * classes;
            int predicted = argmax(logits, from);
            confusion[labels[i]][predicted]++;
            correct += predicted == labels[i] ? 1 : 0;
            lossSum += crossEntropy(logits, from, labels[i], predicted);
        }
        examples += labels.length;
    }

    @Override
    public long examples() {
        return examples;
    }

    @Override
    public Map<String, Double> metrics() {
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
    public double lossSum() {
        return lossSum;
    }

    /**
     * Returns the number of examples by true class (row) and predicted class (column).
     *
     * @return the counts themselves, not a copy
     */
    public long[][] confusion() {
        return confusion;
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
