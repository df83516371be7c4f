package org.djlresnet.image;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.djlresnet.NearestName;
import org.djlresnet.UserException;

/** Parses and writes the texts of a {@link Preprocessing}: names of presets, and JSON. */
final class PreprocessingText {

    private static final String ALLOWED =
            "torchvision, plain:N such as plain:32, or a JSON object.";
    private static final Pattern PLAIN = Pattern.compile("plain:([1-9]\\d{0,5})");
    private static final Pattern PLACE = Pattern.compile("path \\$\\.([a-z.]+)");
    private static final Gson GSON = new GsonBuilder().serializeNulls().create();

    private record Json(
            Integer channels,
            JsonResize resize,
            JsonCrop crop,
            List<Double> mean,
            List<Double> deviation) {}

    private record JsonCrop(Integer height, Integer width) {

        Preprocessing.Crop toCrop() {
            return new Preprocessing.Crop(given("crop.height", height), given("crop.width", width));
        }
    }

    private record JsonResize(
            String to,
            Integer size,
            Integer height,
            Integer width,
            String interpolation,
            Boolean rounded) {

        Resize toResize() {
            Interpolation filter =
                    interpolation == null
                            ? Interpolation.BILINEAR
                            : Interpolation.of(interpolation);
            boolean bytes = rounded == null || rounded;
            if (Resize.Target.EXACT.toString().equals(to)) {
                return Resize.exact(
                        given("resize.height", height),
                        given("resize.width", width),
                        filter,
                        bytes);
            }
            if (Resize.Target.SHORT_SIDE.toString().equals(to)) {
                return Resize.shortSide(given("resize.size", size), filter, bytes);
            }
            throw new UserException(
                    "Invalid value for \"resize.to\" in a preprocessing. Received: "
                            + to
                            + ". Allowed: \"exact\" or \"short-side\".");
        }
    }

    private PreprocessingText() {}

    private static int given(String key, Integer size) {
        if (size == null) {
            throw UserException.of("A preprocessing lacks \"%s\". Allowed: 1 or more.", key);
        }
        return size;
    }

    static Preprocessing read(String text, int channels) {
        if (text.equals("torchvision")) {
            return Preprocessing.torchvision();
        }
        Matcher plain = PLAIN.matcher(text);
        if (plain.matches()) {
            int size = Integer.parseInt(plain.group(1));
            return Preprocessing.exact(new ImageShape(channels, size, size));
        }
        if (!text.stripLeading().startsWith("{")) {
            throw new UserException(
                    "Unknown preprocessing. Received: '" + text + "'. Allowed: " + ALLOWED);
        }
        try {
            Json json = GSON.fromJson(text, Json.class);
            Preprocessing found =
                    new Preprocessing(
                            given("channels", json.channels),
                            json.resize == null ? null : json.resize.toResize(),
                            json.crop == null ? null : json.crop.toCrop(),
                            json.mean,
                            json.deviation);
            requireKnown("", JsonParser.parseString(text).getAsJsonObject(), write(found));
            return found;
        } catch (JsonParseException malformed) {
            Matcher place = PLACE.matcher(String.valueOf(malformed.getMessage()));
            boolean isJson = !(malformed.getCause() instanceof IOException) && place.find();
            throw new UserException(
                    "The preprocessing "
                            + (isJson
                                    ? "has a wrong type for \"" + place.group(1) + "\""
                                    : "is not JSON")
                            + ". Received: "
                            + text.strip()
                            + ". Allowed: "
                            + ALLOWED,
                    malformed);
        }
    }

    private static void requireKnown(String prefix, JsonObject given, JsonObject known) {
        for (String key : given.keySet()) {
            if (!known.has(key)) {
                throw UserException.of(
                        "Unknown key \"%s%s\" in a preprocessing.%s",
                        prefix, key, NearestName.suggest(key, known.keySet()));
            }
            if (known.get(key).isJsonObject()) {
                requireKnown(key + ".", given.getAsJsonObject(key), known.getAsJsonObject(key));
            }
        }
    }

    static JsonObject write(Preprocessing preprocessing) {
        JsonObject json = new JsonObject();
        json.addProperty("channels", preprocessing.channels());
        json.add("resize", write(preprocessing.resize()));
        json.add("crop", GSON.toJsonTree(preprocessing.crop()));
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
}
