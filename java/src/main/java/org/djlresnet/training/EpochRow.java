package org.djlresnet.training;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The results of an epoch: one line of {@code metrics.csv}.
 *
 * @param epoch the epoch, counted from 1
 * @param step the number of steps of the run up to its end
 * @param seconds the training time
 * @param validationSeconds the validation time
 * @param examplesPerSecond training examples per second of training
 * @param lr the learning rate of the epoch's last step
 * @param metrics means over examples by column, such as {@code train_loss} and {@code
 *     test_accuracy}; training metrics are computed during the epoch, while the weights change
 */
public record EpochRow(
        int epoch,
        long step,
        double seconds,
        double validationSeconds,
        double examplesPerSecond,
        double lr,
        Map<String, Double> metrics) {

    /** The columns of every row, except metrics. */
    private static final List<String> COLUMNS =
            List.of("epoch", "step", "seconds", "validation_seconds", "examples_per_second", "lr");

    /**
     * Returns the first line of {@code metrics.csv}.
     *
     * @param metrics the columns of the metrics
     * @return the line without a line break
     */
    public static String csvHeader(Collection<String> metrics) {
        return String.join(",", COLUMNS) + "," + String.join(",", metrics);
    }

    /**
     * Reads a row of {@link Progress#toJson}.
     *
     * @param json a JSON object
     * @return the row
     * @throws RuntimeException if a key is missing or has another type
     */
    public static EpochRow fromJson(String json) {
        return fromJson(JsonParser.parseString(json).getAsJsonObject());
    }

    static EpochRow fromJson(JsonObject json) {
        Map<String, Double> metrics = new LinkedHashMap<>();
        for (Map.Entry<String, JsonElement> entry : json.entrySet()) {
            if (!COLUMNS.contains(entry.getKey())) {
                metrics.put(entry.getKey(), entry.getValue().getAsDouble());
            }
        }
        return new EpochRow(
                json.get("epoch").getAsInt(),
                json.get("step").getAsLong(),
                json.get("seconds").getAsDouble(),
                json.get("validation_seconds").getAsDouble(),
                json.get("examples_per_second").getAsDouble(),
                json.get("lr").getAsDouble(),
                metrics);
    }

    /**
     * Returns a metric.
     *
     * @param column its column, such as {@code test_accuracy}
     * @return its value
     * @throws IllegalArgumentException if the row has no such column
     */
    public double metric(String column) {
        Double value = metrics.get(column);
        if (value == null) {
            throw new IllegalArgumentException(
                    "Unknown metric. Received: "
                            + column
                            + ". Allowed: "
                            + String.join(", ", metrics.keySet())
                            + ".");
        }
        return value;
    }

    /**
     * Returns the training loss.
     *
     * @return the mean over the training examples during the epoch
     */
    public double trainLoss() {
        return metric("train_loss");
    }

    /**
     * Returns the training accuracy of a classification.
     *
     * @return the fraction of correct predictions during the epoch
     */
    public double trainAccuracy() {
        return metric("train_accuracy");
    }

    /**
     * Returns the test accuracy of a classification without a validation split.
     *
     * @return the fraction of correct predictions over the test examples
     * @throws IllegalArgumentException if the run has a validation split
     */
    public double testAccuracy() {
        return metric("test_accuracy");
    }

    /**
     * Writes the row as a line of {@code metrics.csv}.
     *
     * @return the line without a line break
     */
    public String toCsv() {
        return String.format(
                        Locale.ROOT,
                        "%d,%d,%.3f,%.3f,%.1f,%s,",
                        epoch,
                        step,
                        seconds,
                        validationSeconds,
                        examplesPerSecond,
                        lr)
                + metrics.values().stream().map(String::valueOf).collect(Collectors.joining(","));
    }

    /**
     * Formats the metrics for display.
     *
     * @return a text such as {@code train loss 0.512, train acc 0.815, test loss 0.460, test acc
     *     0.818}
     */
    public String inWords() {
        return metrics.entrySet().stream()
                .map(
                        metric ->
                                String.format(
                                        Locale.ROOT,
                                        "%s %.3f",
                                        metric.getKey()
                                                .replace('_', ' ')
                                                .replace("accuracy", "acc"),
                                        metric.getValue()))
                .collect(Collectors.joining(", "));
    }

    /**
     * Writes the row as JSON, with the columns' names as keys.
     *
     * @return a JSON object
     */
    JsonObject toJson() {
        JsonObject row = new JsonObject();
        row.addProperty("epoch", epoch);
        row.addProperty("step", step);
        row.addProperty("seconds", seconds);
        row.addProperty("validation_seconds", validationSeconds);
        row.addProperty("examples_per_second", examplesPerSecond);
        row.addProperty("lr", lr);
        metrics.forEach(row::addProperty);
        return row;
    }
}
