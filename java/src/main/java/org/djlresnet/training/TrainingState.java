package org.djlresnet.training;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.UserException;
import org.djlresnet.recipe.Recipe;

/**
 * The state of a run in a checkpoint. Together with the weights and the optimizer's state, it is
 * sufficient to resume the run.
 *
 * @param recipe the run's recipe
 * @param epochsDone the number of completed epochs, validation included
 * @param step the number of completed steps of the run
 * @param history a row for each completed epoch
 * @param partial the sums of the current epoch
 * @param data the data's checksums; null at the beginning of a run, and in a run that writes no
 *     files
 */
record TrainingState(
        Recipe recipe,
        int epochsDone,
        long step,
        List<EpochRow> history,
        Partial partial,
        JsonObject data) {

    /**
     * Returns the state of a new run.
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
     * @throws RuntimeException if a key is missing or has another type
     */
    public static TrainingState fromJson(JsonObject json) {
        List<EpochRow> history = new ArrayList<>();
        for (JsonElement row : json.getAsJsonArray("history")) {
            history.add(EpochRow.fromJson(row.getAsJsonObject()));
        }
        return new TrainingState(
                Recipe.fromJson(json.getAsJsonObject("recipe").toString()),
                json.get("epoch").getAsInt(),
                json.get("step").getAsLong(),
                List.copyOf(history),
                Partial.fromJson(json.getAsJsonObject("partial")),
                json.has("data") ? json.getAsJsonObject("data") : null);
    }

    /** Returns whether the run is between two epochs or has ended. */
    boolean isEpochsEnd() {
        return epochsDone > 0 && partial.examples == 0;
    }

    /**
     * Changes the recipe.
     *
     * @param changed the new recipe
     * @return the same state with the new recipe
     */
    public TrainingState with(Recipe changed) {
        return new TrainingState(changed, epochsDone, step, history, partial, data);
    }

    /**
     * Sums over the first batches of an epoch.
     *
     * @param examples the number of examples
     * @param sums the metrics' sums over them, by name
     * @param seconds the training time
     */
    public record Partial(long examples, Map<String, Double> sums, double seconds) {
        /** Before the first batch. */
        public static final Partial NONE = new Partial(0, Map.of(), 0);

        private static Partial fromJson(JsonObject json) {
            Map<String, Double> sums = new LinkedHashMap<>();
            json.getAsJsonObject("sums")
                    .entrySet()
                    .forEach(sum -> sums.put(sum.getKey(), sum.getValue().getAsDouble()));
            return new Partial(
                    json.get("examples").getAsLong(), sums, json.get("seconds").getAsDouble());
        }

        private JsonObject toJson() {
            JsonObject json = new JsonObject();
            json.addProperty("examples", examples);
            JsonObject all = new JsonObject();
            sums.forEach(all::addProperty);
            json.add("sums", all);
            json.addProperty("seconds", seconds);
            return json;
        }
    }

    /**
     * Writes the state as JSON.
     *
     * @param selection selects the best epoch
     * @return a JSON object with the keys recipe, epoch, step, best ({@code {"metric", "value",
     *     "epoch"}}, or null before the first epoch's end), history, partial and, if known, data
     */
    public JsonObject toJson(Selection selection) {
        JsonObject json = new JsonObject();
        json.add("recipe", JsonParser.parseString(recipe.toJson()));
        json.addProperty("epoch", epochsDone);
        json.addProperty("step", step);
        json.add("best", best(selection));
        JsonArray rows = new JsonArray();
        history.stream().map(EpochRow::toJson).forEach(rows::add);
        json.add("history", rows);
        json.add("partial", partial.toJson());
        if (data != null) {
            json.add("data", data);
        }
        return json;
    }

    private JsonElement best(Selection selection) {
        EpochRow row = selection.best(history);
        if (row == null) {
            return JsonNull.INSTANCE;
        }
        JsonObject best = new JsonObject();
        best.addProperty("metric", selection.column());
        best.addProperty("value", row.metric(selection.column()));
        best.addProperty("epoch", row.epoch());
        return best;
    }
}
