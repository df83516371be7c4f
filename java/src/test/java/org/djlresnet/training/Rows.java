package org.djlresnet.training;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.objective.Metric;
import org.djlresnet.recipe.Recipe;

/** Rows and run contents of a classification without a validation split, for tests. */
final class Rows {

    static final List<String> COLUMNS =
            List.of("train_loss", "train_accuracy", "test_loss", "test_accuracy");
    static final Selection ACCURACY = new Selection("test", new Metric("accuracy", true));
    static final Selection LOSS = new Selection("test", new Metric("loss", false));

    private Rows() {}

    /** Returns the four metrics by column. */
    static Map<String, Double> metrics(double... values) {
        Map<String, Double> metrics = new LinkedHashMap<>();
        for (int i = 0; i < values.length; i++) {
            metrics.put(COLUMNS.get(i), values[i]);
        }
        return metrics;
    }

    static EpochRow row(int epoch, double testLoss, double testAccuracy) {
        return new EpochRow(epoch, epoch, 1, 1, 1, 0.1, metrics(1, 0.5, testLoss, testAccuracy));
    }

    static RunContents contents(Recipe recipe) {
        return new RunContents(recipe, ACCURACY, COLUMNS, Map.of());
    }
}
