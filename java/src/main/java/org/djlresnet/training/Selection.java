package org.djlresnet.training;

import com.google.gson.JsonObject;
import java.util.List;
import org.djlresnet.objective.Metric;

/**
 * The rule that selects the best epoch, by one column of {@code metrics.csv}.
 *
 * @param part the part of the data: {@code test} or {@code validation}, followed by {@code
 *     _average} for the average of the weights
 * @param metric the metric
 */
public record Selection(String part, Metric metric) {

    /**
     * Returns the column to compare.
     *
     * @return a name such as {@code test_accuracy}
     */
    public String column() {
        return part + "_" + metric.name();
    }

    /** Returns whether an epoch is better than all before it. */
    boolean isBest(EpochRow row, List<EpochRow> earlier) {
        return earlier.stream()
                .allMatch(
                        other -> metric.isBetter(row.metric(column()), other.metric(column()), 0));
    }

    /** Returns the best epoch (the first of equals), or null if there is none. */
    EpochRow best(List<EpochRow> rows) {
        EpochRow best = null;
        for (EpochRow row : rows) {
            if (best == null || metric.isBetter(row.metric(column()), best.metric(column()), 0)) {
                best = row;
            }
        }
        return best;
    }

    /**
     * Counts the epochs since the last improvement.
     *
     * @param rows the epochs
     * @param minDelta the smallest change that counts as an improvement
     */
    int waited(List<EpochRow> rows, double minDelta) {
        double best = metric.worst();
        int waited = 0;
        for (EpochRow row : rows) {
            double value = row.metric(column());
            boolean improves = metric.isBetter(value, best, minDelta);
            waited = improves ? 0 : waited + 1;
            best = improves ? value : best;
        }
        return waited;
    }

    /**
     * Describes the selection.
     *
     * @return {@code {"metric", "higher_is_better", "on"}}, as in recipe.json
     */
    public String toJson() {
        JsonObject json = new JsonObject();
        json.addProperty("metric", column());
        json.addProperty("higher_is_better", metric.higherIsBetter());
        json.addProperty("on", part.split("_")[0] + " data");
        return json.toString();
    }
}
