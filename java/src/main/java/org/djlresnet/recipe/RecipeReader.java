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

    /** Keys that a run's recipe.json holds besides the settings; they are not read. */
    private static final Set<String> NOTES = Set.of("selection", "versions");

    private static final Pattern PLACE = Pattern.compile(" at line \\d+ column \\d+");

    private RecipeReader() {}

    /**
     * Reads an object's entries.
     *
     * @param json a JSON text
     * @return the values by their keys, without the versions
     * @throws UserException if it is no JSON object or has a setting twice
     */
    static Map<String, JsonElement> read(String json) {
        Map<String, JsonElement> given = new LinkedHashMap<>();
        try (JsonReader reader = new JsonReader(new StringReader(json))) {
            reader.setStrictness(Strictness.STRICT);
            if (reader.peek() != JsonToken.BEGIN_OBJECT) {
                throw new UserException(
                        "A recipe is a JSON object. Received: " + inWords(reader.peek()) + ".");
            }
            reader.beginObject();
            while (reader.hasNext()) {
                String key = reader.nextName();
                if (NOTES.contains(key)) {
                    reader.skipValue();
                } else if (given.put(key, JsonParser.parseReader(reader)) != null) {
                    throw new SettingException("\"" + key + "\" is in the recipe twice. Keep one.");
                }
            }
            reader.endObject();
            reader.peek(); // a strict reader throws where text follows the end
        } catch (IOException | JsonParseException | IllegalStateException malformed) {
            throw new UserException(
                    "The recipe is not JSON: " + reason(malformed) + ".", malformed);
        }
        return given;
    }

    private static String inWords(JsonToken token) {
        return switch (token) {
            case BEGIN_ARRAY -> "a list";
            case STRING -> "a text";
            case NUMBER -> "a number";
            case BOOLEAN -> "true or false";
            default -> token.name().toLowerCase(Locale.ROOT);
        };
    }

    /** Gson's messages are advice on its use, in several lines; only the place is of use here. */
    private static String reason(Exception malformed) {
        Matcher place = PLACE.matcher(String.valueOf(malformed.getMessage()));
        return "it goes wrong" + (place.find() ? place.group() : " at its start");
    }
}
