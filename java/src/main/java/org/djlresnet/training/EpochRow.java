package org.djlresnet.training;

import com.google.gson.JsonObject;
import java.util.List;
import java.util.Locale;

/**
 * What an epoch came to: one line of {@code metrics.csv}.
 *
 * @param epoch the epoch, counted from 1
 * @param step the steps of the run up to its end
 * @param seconds the time of training
 * @param validationSeconds the time of validation
 * @param examplesPerSecond the training examples by the time of training
 * @param lr the learning rate of the epoch's last step
 * @param trainLoss the mean loss over the training examples, as they were seen
 * @param trainAccuracy the fraction of training examples classified rightly, as they were seen
 * @param testLoss the mean loss over the test examples
 * @param testAccuracy the fraction of test examples classified rightly
 */
public record EpochRow(
        int epoch,
        long step,
        double seconds,
        double validationSeconds,
        double examplesPerSecond,
        double lr,
        double trainLoss,
        double trainAccuracy,
        double testLoss,
        double testAccuracy) {

    /** The first line of {@code metrics.csv}. */
    public static final String CSV_HEADER =
            "epoch,step,seconds,validation_seconds,examples_per_second,lr,"
                    + "train_loss,train_accuracy,test_loss,test_accuracy";

    /**
     * Reads a row that {@link #toJson} wrote.
     *
     * @param json a JSON object
     * @return the row
     * @throws RuntimeException if a key is missing or of another type
     */
    public static EpochRow fromJson(JsonObject json) {
        return new EpochRow(
                json.get("epoch").getAsInt(),
                json.get("step").getAsLong(),
                json.get("seconds").getAsDouble(),
                json.get("validation_seconds").getAsDouble(),
                json.get("examples_per_second").getAsDouble(),
                json.get("lr").getAsDouble(),
                json.get("train_loss").getAsDouble(),
                json.get("train_accuracy").getAsDouble(),
                json.get("test_loss").getAsDouble(),
                json.get("test_accuracy").getAsDouble());
    }

    /**
     * Counts the epochs at the end that brought nothing new.
     *
     * @param rows the epochs
     * @param minDelta by how much a test accuracy must exceed the last that was new to be new
     */
    static int waited(List<EpochRow> rows, double minDelta) {
        double best = Double.NEGATIVE_INFINITY;
        int waited = 0;
        for (EpochRow row : rows) {
            waited = row.testAccuracy > best + minDelta ? 0 : waited + 1;
            best = waited == 0 ? row.testAccuracy : best;
        }
        return waited;
    }

    /** Returns whether its test accuracy is higher than that of every row before it. */
    boolean isBetterThanAll(List<EpochRow> earlier) {
        return earlier.stream().allMatch(row -> testAccuracy > row.testAccuracy);
    }

    /**
     * Writes the row as a line of {@code metrics.csv}.
     *
     * @return the line, without its end
     */
    public String toCsv() {
        return String.format(
                Locale.ROOT,
                "%d,%d,%.3f,%.3f,%.1f,%s,%s,%s,%s,%s",
                epoch,
                step,
                seconds,
                validationSeconds,
                examplesPerSecond,
                lr,
                trainLoss,
                trainAccuracy,
                testLoss,
                testAccuracy);
    }

    /**
     * Writes the row as JSON, with the columns' names as keys.
     *
     * @return a JSON object
     */
    public JsonObject toJson() {
        JsonObject row = new JsonObject();
        row.addProperty("epoch", epoch);
        row.addProperty("step", step);
        row.addProperty("seconds", seconds);
        row.addProperty("validation_seconds", validationSeconds);
        row.addProperty("examples_per_second", examplesPerSecond);
        row.addProperty("lr", lr);
        row.addProperty("train_loss", trainLoss);
        row.addProperty("train_accuracy", trainAccuracy);
        row.addProperty("test_loss", testLoss);
        row.addProperty("test_accuracy", testAccuracy);
        return row;
    }
}
