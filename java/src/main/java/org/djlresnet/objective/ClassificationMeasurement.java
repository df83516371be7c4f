package org.djlresnet.objective;

import ai.djl.ndarray.NDList;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Cross-entropy and accuracy, computed in double precision from the logits. */
public class ClassificationMeasurement implements Measurement {

    private final int classes;
    private double lossSum;
    private long examples;
    private long correct;

    /** The examples of each batch. */
    private final List<Rows> rows = new ArrayList<>();

    private record Rows(int[] labels, int[] predicted, float[] probabilities, float[] losses) {}

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
        int count = labels.length;
        Rows batchRows = new Rows(labels, new int[count], new float[count], new float[count]);
        for (int i = 0; i < count; i++) {
            int from = i * classes;
            int predicted = argmax(logits, from);
            count(labels[i], predicted);
            correct += predicted == labels[i] ? 1 : 0;
            double normalizer = logSumExp(logits, from, logits[from + predicted]);
            double loss = normalizer - logits[from + labels[i]];
            lossSum += loss;
            batchRows.predicted[i] = predicted;
            batchRows.probabilities[i] = (float) Math.exp(logits[from + predicted] - normalizer);
            batchRows.losses[i] = (float) loss;
        }
        rows.add(batchRows);
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
        metrics.put(Classification.ACCURACY, accuracy());
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

    /**
     * Returns the fraction of correct predictions.
     *
     * @return the accuracy, from 0 to 1
     */
    public final double accuracy() {
        return (double) correct / examples;
    }

    /**
     * Returns the standard error of the mean cross-entropy.
     *
     * @return the examples' standard deviation (n - 1) / √n
     */
    public final double lossError() {
        double mean = lossSum / examples;
        double squares = 0;
        for (Rows batch : rows) {
            for (float loss : batch.losses) {
                squares += (loss - mean) * (loss - mean);
            }
        }
        return Math.sqrt(squares / (examples - 1) / examples);
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

    private double logSumExp(float[] logits, int from, double largest) {
        double sum = 0;
        for (int i = 0; i < classes; i++) {
            sum += Math.exp(logits[from + i] - largest);
        }
        return Math.log(sum) + largest;
    }

    @Override
    public final String predictions(int epoch) {
        StringBuilder text = new StringBuilder("epoch,example,label,predicted,probability,loss\n");
        int example = 0;
        for (Rows batch : rows) {
            for (int i = 0; i < batch.labels.length; i++) {
                text.append(epoch).append(',').append(example++);
                text.append(',').append(batch.labels[i]).append(',').append(batch.predicted[i]);
                text.append(',').append(batch.probabilities[i]);
                text.append(',').append(batch.losses[i]).append('\n');
            }
        }
        return text.toString();
    }
}
