package org.djlresnet.training;

import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.List;
import org.djlresnet.recipe.Recipe;

/**
 * Where a run stood when its checkpoint was written; with the weights and the optimizer's state it
 * is all that going on needs.
 *
 * @param recipe the run's recipe
 * @param epochsDone the epochs that are done, validation included
 * @param step the steps that are done over the whole run
 * @param bestTestAccuracy the best test accuracy so far, negative infinity for none
 * @param history a row for each epoch that is done
 * @param partial the sums of the epoch that is under way
 */
public record TrainingState(
        Recipe recipe,
        int epochsDone,
        long step,
        double bestTestAccuracy,
        List<EpochRow> history,
        Partial partial) {

    /**
     * Sums over the first batches of an epoch.
     *
     * @param examples the examples gone through
     * @param lossSum the sum of their losses
     * @param correct the number classified rightly
     * @param seconds the time it took
     */
    public record Partial(long examples, double lossSum, long correct, double seconds) {
        /** No batch yet. */
        public static final Partial NONE = new Partial(0, 0, 0, 0);
    }

    /**
     * Writes the state as JSON.
     *
     * @return a JSON object with the keys recipe, epoch, step, best_test_accuracy (or null),
     *     history and partial
     */
    public JsonObject toJson() {
        JsonObject json = new JsonObject();
        json.add("recipe", recipe.toTree());
        json.addProperty("epoch", epochsDone);
        json.addProperty("step", step);
        json.add(
                "best_test_accuracy",
                Double.isFinite(bestTestAccuracy)
                        ? new JsonPrimitive(bestTestAccuracy)
                        : JsonNull.INSTANCE);
        JsonArray rows = new JsonArray();
        history.stream().map(EpochRow::toJson).forEach(rows::add);
        json.add("history", rows);
        JsonObject sums = new JsonObject();
        sums.addProperty("examples", partial.examples);
        sums.addProperty("loss_sum", partial.lossSum);
        sums.addProperty("correct", partial.correct);
        sums.addProperty("seconds", partial.seconds);
        json.add("partial", sums);
        return json;
    }
}
