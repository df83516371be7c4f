package org.djlresnet.training;

import com.google.gson.JsonObject;
import java.util.List;
import org.djlresnet.objective.Metric;

/**
 * Which epochs are better than others, by one column of {@code metrics.csv}.
 *
 * @param part the data that the metric is of, {@code test} or {@code validation}
 * @param metric the metric
 */
public record Selection(String part, Metric metric) {

    /**
     * Returns the column that is compared.
     *
     * @return such as {@code test_accuracy}
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

    /** Returns the best epoch, the first of equal ones, or null if there is none. */
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
     * Counts the epochs at the end that brought no improvement.
     *
     * @param rows the epochs
     * @param minDelta by how much an epoch must exceed the last improvement to be one
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
     * @return {@code {"metric", "higher_is_better", "on"}}, as recipe.json holds it
     */
    public String toJson() {
        JsonObject json = new JsonObject();
        json.addProperty("metric", column());
        json.addProperty("higher_is_better", metric.higherIsBetter());
        json.addProperty("on", part + " data");
        return json.toString();
    }
}
