package org.djlresnet.recipe;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import com.google.gson.reflect.TypeToken;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.djlresnet.UserException;

/** Reads the JSON text of a recipe, strictly. */
final class RecipeReader {

    private static final Gson GSON = new GsonBuilder().setStrictness(Strictness.STRICT).create();

    /** Keys of recipe files that are not settings; the last two are a run's. */
    private static final List<String> NOTES = List.of("about", "selection", "versions");

    /** The useful part of Gson's messages; the rest is for programmers. */
    private static final Pattern REASON =
            Pattern.compile("duplicate key: [^;]+|at line \\d+ column \\d+");

    private RecipeReader() {}

    /**
     * Reads the settings of a JSON object.
     *
     * @param json a JSON text
     * @return values by name
     * @throws UserException if the text is not a JSON object or repeats a setting
     */
    static Map<String, JsonElement> read(String json) {
        Map<String, JsonElement> given;
        try {
            given = GSON.fromJson(json, new TypeToken<Map<String, JsonElement>>() {});
        } catch (JsonParseException malformed) {
            Matcher reason = REASON.matcher(String.valueOf(malformed.getMessage()));
            String found = reason.find() ? ": " + reason.group() + "." : ".";
            throw new UserException(
                    "The recipe is not a valid JSON object"
                            + found
                            + (found.contains("duplicate") ? " Keep one." : ""),
                    malformed);
        }
        if (given == null) {
            throw new UserException("The recipe is not a valid JSON object: it is empty.");
        }
        given.keySet().removeAll(NOTES);
        return given;
    }
}
