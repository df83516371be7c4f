package org.djlresnet.image;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.djlresnet.NearestName;
import org.djlresnet.UserException;

/** Parses and writes the texts of a {@link Preprocessing}: names of presets, and JSON. */
final class PreprocessingText {

    private static final String TORCHVISION = "torchvision";
    private static final Pattern PLAIN = Pattern.compile("plain:([1-9]\\d{0,5})");
    private static final Gson GSON = new GsonBuilder().serializeNulls().create();

    private PreprocessingText() {}

    static Preprocessing read(String text, int channels) {
        if (text.equals(TORCHVISION)) {
            return Preprocessing.torchvision();
        }
        Matcher plain = PLAIN.matcher(text);
        if (plain.matches()) {
            int size = Integer.parseInt(plain.group(1));
            return Preprocessing.exact(new ImageShape(channels, size, size));
        }
        if (!text.stripLeading().startsWith("{")) {
            throw new UserException(
                    "Unknown preprocessing. Received: '"
                            + text
                            + "'. Allowed: torchvision, plain:N such as plain:32, or a JSON object.");
        }
        try {
            return read(JsonParser.parseString(text).getAsJsonObject());
        } catch (JsonParseException malformed) {
            throw new UserException(
                    "The preprocessing is not JSON. Received: " + text + ".", malformed);
        }
    }

    static Preprocessing read(JsonObject json) {
        requireKeys("", json, "channels", "resize", "crop", "mean", "deviation");
        JsonObject crop = object(json, "crop");
        if (crop != null) {
            requireKeys("crop.", crop, "height", "width");
        }
        return new Preprocessing(
                whole("", json, "channels"),
                resize(object(json, "resize")),
                crop == null
                        ? null
                        : new Preprocessing.Crop(
                                whole("crop.", crop, "height"), whole("crop.", crop, "width")),
                numbers(json, "mean"),
                numbers(json, "deviation"));
    }

    private static Resize resize(JsonObject json) {
        if (json == null) {
            return null;
        }
        String to = text(json, "to");
        Interpolation interpolation =
                json.has("interpolation")
                        ? Interpolation.of(text(json, "interpolation"))
                        : Interpolation.BILINEAR;
        JsonElement rounded = json.has("rounded") ? json.get("rounded") : new JsonPrimitive(true);
        if (!rounded.isJsonPrimitive() || !rounded.getAsJsonPrimitive().isBoolean()) {
            throw bad("resize.rounded", rounded, "true or false");
        }
        if (to.equals(Resize.Target.EXACT.toString())) {
            requireKeys("resize.", json, "to", "height", "width", "interpolation", "rounded");
            return Resize.exact(
                    whole("resize.", json, "height"),
                    whole("resize.", json, "width"),
                    interpolation,
                    rounded.getAsBoolean());
        }
        if (!to.equals(Resize.Target.SHORT_SIDE.toString())) {
            throw bad("resize.to", json.get("to"), "\"exact\" or \"short-side\"");
        }
        requireKeys("resize.", json, "to", "size", "interpolation", "rounded");
        return Resize.shortSide(
                whole("resize.", json, "size"), interpolation, rounded.getAsBoolean());
    }

    static JsonObject write(Preprocessing preprocessing) {
        JsonObject json = new JsonObject();
        json.addProperty("channels", preprocessing.channels());
        json.add("resize", write(preprocessing.resize()));
        Preprocessing.Crop crop = preprocessing.crop();
        json.add("crop", JsonNull.INSTANCE);
        if (crop != null) {
            JsonObject size = new JsonObject();
            size.addProperty("height", crop.height());
            size.addProperty("width", crop.width());
            json.add("crop", size);
        }
        json.add("mean", GSON.toJsonTree(preprocessing.mean()));
        json.add("deviation", GSON.toJsonTree(preprocessing.deviation()));
        return json;
    }

    private static JsonElement write(Resize resize) {
        if (resize == null) {
            return JsonNull.INSTANCE;
        }
        JsonObject json = new JsonObject();
        json.addProperty("to", resize.target().toString());
        if (resize.target() == Resize.Target.EXACT) {
            json.addProperty("height", resize.height());
            json.addProperty("width", resize.width());
        } else {
            json.addProperty("size", resize.height());
        }
        json.addProperty("interpolation", resize.interpolation().toString());
        json.addProperty("rounded", resize.rounded());
        return json;
    }

    private static void requireKeys(String prefix, JsonObject json, String... known) {
        for (String key : json.keySet()) {
            if (!List.of(known).contains(key)) {
                throw new UserException(
                        String.format(
                                Locale.ROOT,
                                "Unknown key \"%s%s\" in a preprocessing.%s",
                                prefix,
                                key,
                                NearestName.suggest(key, Arrays.asList(known))));
            }
        }
    }

    private static JsonObject object(JsonObject json, String key) {
        JsonElement value = json.get(key);
        if (value == null || value.isJsonNull()) {
            return null;
        }
        if (!value.isJsonObject()) {
            throw bad(key, value, "a JSON object or null");
        }
        return value.getAsJsonObject();
    }

    private static String text(JsonObject resize, String key) {
        JsonElement value = resize.get(key);
        if (value == null || !value.isJsonPrimitive() || !value.getAsJsonPrimitive().isString()) {
            throw bad("resize." + key, value, "a string");
        }
        return value.getAsString();
    }

    private static int whole(String prefix, JsonObject json, String key) {
        JsonElement value = json.get(key);
        if (value != null && value.isJsonPrimitive() && value.getAsJsonPrimitive().isNumber()) {
            try {
                int number = value.getAsBigDecimal().intValueExact();
                if (number > 0) {
                    return number;
                }
            } catch (ArithmeticException | NumberFormatException notWhole) {
                // rejected below like any other invalid value
            }
        }
        throw bad(prefix + key, value, "an integer above 0");
    }

    private static List<Double> numbers(JsonObject json, String key) {
        JsonElement value = json.get(key);
        if (value == null || value.isJsonNull()) {
            return null;
        }
        String allowed = "a list of numbers, or null";
        if (!value.isJsonArray()) {
            throw bad(key, value, allowed);
        }
        JsonArray array = value.getAsJsonArray();
        List<Double> numbers = new ArrayList<>();
        for (JsonElement number : array) {
            if (!number.isJsonPrimitive() || !number.getAsJsonPrimitive().isNumber()) {
                throw bad(key, value, allowed);
            }
            numbers.add(number.getAsDouble());
        }
        return numbers;
    }

    private static UserException bad(String key, JsonElement value, String allowed) {
        return new UserException(
                String.format(
                        Locale.ROOT,
                        "Invalid value for \"%s\" in a preprocessing. Received: %s. Allowed: %s.",
                        key,
                        value == null ? "nothing" : value,
                        allowed));
    }
}
