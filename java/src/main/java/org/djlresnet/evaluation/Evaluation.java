package org.djlresnet.evaluation;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.List;

/**
 * The results of a network on a data set.
 *
 * @param classNames the names of the classes
 * @param lossSum the sum of the examples' cross-entropies
 * @param confusion the number of examples by true class (row) and predicted class (column)
 */
public record Evaluation(List<String> classNames, double lossSum, long[][] confusion) {

    private static final JsonPrimitive ZERO = new JsonPrimitive(0L);

    /**
     * Returns the number of examples.
     *
     * @return the number
     */
    public long examples() {
        long sum = 0;
        for (int i = 0; i < confusion.length; i++) {
            sum += rowSum(i);
        }
        return sum;
    }

    /**
     * Returns the mean cross-entropy.
     *
     * @return the loss, in nats
     */
    public double loss() {
        return lossSum / examples();
    }

    /**
     * Returns the fraction of correct predictions.
     *
     * @return the accuracy, from 0 to 1
     */
    public double accuracy() {
        long correct = 0;
        for (int i = 0; i < confusion.length; i++) {
            correct += confusion[i][i];
        }
        return (double) correct / examples();
    }

    /**
     * Returns the results as JSON.
     *
     * @return {@code {"loss", "accuracy", "classes": [{"name", "precision", "recall", "f1",
     *     "support"}], "confusion_matrix"}}; 0/0 is 0
     */
    public String toJson() {
        JsonObject json = new JsonObject();
        json.addProperty("loss", loss());
        json.addProperty("accuracy", accuracy());
        JsonArray classes = new JsonArray();
        JsonArray matrix = new JsonArray();
        for (int i = 0; i < confusion.length; i++) {
            double precision = ratio(confusion[i][i], columnSum(i));
            double recall = ratio(confusion[i][i], rowSum(i));
            JsonObject row = new JsonObject();
            row.addProperty("name", classNames.get(i));
            row.addProperty("precision", precision);
            row.addProperty("recall", recall);
            row.addProperty("f1", ratio(2 * precision * recall, precision + recall));
            row.addProperty("support", rowSum(i));
            classes.add(row);
            JsonArray counts = new JsonArray();
            for (long count : confusion[i]) {
                // most counts of a large matrix are 0, and each would be a separate object
                counts.add(count == 0 ? ZERO : new JsonPrimitive(count));
            }
            matrix.add(counts);
        }
        json.add("classes", classes);
        json.add("confusion_matrix", matrix);
        return json.toString();
    }

    private long rowSum(int row) {
        long sum = 0;
        for (long count : confusion[row]) {
            sum += count;
        }
        return sum;
    }

    private long columnSum(int column) {
        long sum = 0;
        for (long[] row : confusion) {
            sum += row[column];
        }
        return sum;
    }

    private static double ratio(double part, double whole) {
        return whole == 0 ? 0 : part / whole;
    }
}
