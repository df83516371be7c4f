package org.djlresnet.training;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.List;
import org.djlresnet.UserException;
import org.djlresnet.recipe.Recipe;

/**
 * Where a run stood when its checkpoint was written; with the weights and the optimizer's state it
 * is all that going on needs.
 *
 * @param recipe the run's recipe
 * @param epochsDone the epochs that are done, validation included
 * @param step the steps that are done over the whole run
 * @param history a row for each epoch that is done
 * @param partial the sums of the epoch that is under way
 * @param data the data's checksums; null at the beginning of a run, in one that keeps nothing and
 *     in older checkpoints
 */
public record TrainingState(
        Recipe recipe,
        int epochsDone,
        long step,
        List<EpochRow> history,
        Partial partial,
        DataChecksums data) {

    /**
     * The state of a run that has not begun.
     *
     * @param recipe the run's recipe
     * @return the state before the first step
     */
    public static TrainingState beginning(Recipe recipe) {
        return new TrainingState(recipe, 0, 0, List.of(), Partial.NONE, null);
    }

    /**
     * Reads a state that {@link #toJson} wrote.
     *
     * @param json a JSON object
     * @return the state
     * @throws UserException if the recipe is wrong
     * @throws RuntimeException if a key is missing or of another type
     */
    public static TrainingState fromJson(JsonObject json) {
        List<EpochRow> history = new ArrayList<>();
        for (JsonElement row : json.getAsJsonArray("history")) {
            history.add(EpochRow.fromJson(row.getAsJsonObject()));
        }
        JsonObject sums = json.getAsJsonObject("partial");
        return new TrainingState(
                Recipe.fromJson(json.getAsJsonObject("recipe").toString()),
                json.get("epoch").getAsInt(),
                json.get("step").getAsLong(),
                List.copyOf(history),
                new Partial(
                        sums.get("examples").getAsLong(),
                        sums.get("loss_sum").getAsDouble(),
                        sums.get("correct").getAsLong(),
                        sums.get("seconds").getAsDouble()),
                json.has("data") ? DataChecksums.fromJson(json.getAsJsonObject("data")) : null);
    }

    /**
     * Returns the best test accuracy so far.
     *
     * @return the accuracy, negative infinity before the first epoch's end
     */
    public double bestTestAccuracy() {
        return history.stream()
                .mapToDouble(EpochRow::testAccuracy)
                .max()
                .orElse(Double.NEGATIVE_INFINITY);
    }

    /** Returns whether an epoch, validation included, has just ended. */
    boolean isEpochsEnd() {
        return epochsDone > 0 && partial.examples == 0;
    }

    /**
     * Changes the recipe.
     *
     * @param changed the new recipe
     * @return the same state under it
     */
    public TrainingState with(Recipe changed) {
        return new TrainingState(changed, epochsDone, step, history, partial, data);
    }

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
     *     history, partial and, if known, data
     */
    public JsonObject toJson() {
        JsonObject json = new JsonObject();
        json.add("recipe", recipe.toTree());
        json.addProperty("epoch", epochsDone);
        json.addProperty("step", step);
        json.add(
                "best_test_accuracy",
                history.isEmpty() ? JsonNull.INSTANCE : new JsonPrimitive(bestTestAccuracy()));
        JsonArray rows = new JsonArray();
        history.stream().map(EpochRow::toJson).forEach(rows::add);
        json.add("history", rows);
        JsonObject sums = new JsonObject();
        sums.addProperty("examples", partial.examples);
        sums.addProperty("loss_sum", partial.lossSum);
        sums.addProperty("correct", partial.correct);
        sums.addProperty("seconds", partial.seconds);
        json.add("partial", sums);
        if (data != null) {
            json.add("data", data.toJson());
        }
        return json;
    }
}
