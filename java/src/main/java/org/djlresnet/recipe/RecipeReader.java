package org.djlresnet.recipe;

import com.google.gson.JsonElement;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.io.StringReader;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.djlresnet.UserException;

/** Reads the JSON text of a recipe, strictly. */
final class RecipeReader {

    /** Keys of a run's recipe.json that are not settings. */
    private static final Set<String> NOTES = Set.of("selection", "versions");

    private static final Pattern PLACE = Pattern.compile(" at line \\d+ column \\d+");

    private RecipeReader() {}

    /**
     * Reads the settings of a JSON object.
     *
     * @param json a JSON text
     * @return values by name
     * @throws UserException if the text is not a JSON object or repeats a setting
     */
    static Map<String, JsonElement> read(String json) {
        Map<String, JsonElement> given = new LinkedHashMap<>();
        try (JsonReader reader = new JsonReader(new StringReader(json))) {
            reader.setStrictness(Strictness.STRICT);
            if (reader.peek() != JsonToken.BEGIN_OBJECT) {
                throw new UserException(
                        "A recipe must be a JSON object. Received: "
                                + inWords(reader.peek())
                                + ".");
            }
            reader.beginObject();
            while (reader.hasNext()) {
                String key = reader.nextName();
                if (NOTES.contains(key)) {
                    reader.skipValue();
                } else if (given.put(key, JsonParser.parseReader(reader)) != null) {
                    throw new SettingException("The recipe repeats \"" + key + "\". Keep one.");
                }
            }
            reader.endObject();
            reader.peek(); // throws if text follows the object
        } catch (IOException | JsonParseException | IllegalStateException malformed) {
            throw new UserException(
                    "The recipe is not valid JSON" + place(malformed) + ".", malformed);
        }
        return given;
    }

    private static String inWords(JsonToken token) {
        return switch (token) {
            case BEGIN_ARRAY -> "a list";
            case STRING -> "a string";
            case NUMBER -> "a number";
            case BOOLEAN -> "true or false";
            default -> token.name().toLowerCase(Locale.ROOT);
        };
    }

    /** Returns only the place from Gson's message, because its advice is for programmers. */
    private static String place(Exception malformed) {
        Matcher place = PLACE.matcher(String.valueOf(malformed.getMessage()));
        return place.find() ? place.group() : "";
    }
}
