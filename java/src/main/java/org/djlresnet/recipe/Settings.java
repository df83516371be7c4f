package org.djlresnet.recipe;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.gson.JsonSyntaxException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.NearestName;

/** All settings, in the order of {@code settings.json}, which Python reads too. */
final class Settings {

    private static final Gson GSON =
            new GsonBuilder().serializeSpecialFloatingPointValues().create();
    private static final Map<String, Setting> SETTINGS = read();

    private Settings() {}

    private record Schema(List<Setting> settings) {}

    private static Map<String, Setting> read() {
        try (Reader reader =
                new InputStreamReader(
                        Settings.class.getResourceAsStream("settings.json"),
                        StandardCharsets.UTF_8)) {
            Map<String, Setting> settings = new LinkedHashMap<>();
            for (Setting setting : GSON.fromJson(reader, Schema.class).settings()) {
                settings.put(setting.name(), setting);
            }
            return settings;
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    /** Converts a value given in code; NaN passes, for {@link #checked} to reject it by name. */
    static JsonElement tree(Object value) {
        return GSON.toJsonTree(value);
    }

    static JsonObject defaults() {
        JsonObject values = new JsonObject();
        SETTINGS.forEach(
                (name, setting) -> values.add(name, checked(name, setting.defaultValue())));
        return values;
    }

    static boolean has(String name) {
        return SETTINGS.containsKey(name);
    }

    /**
     * Reads a value written without quotes, as on a command line.
     *
     * @param name the setting's name
     * @param text its value
     * @return a string if the setting holds one, else a number, boolean or null if the text is one;
     *     numbers separated by commas are a list if the setting allows one
     */
    static JsonElement parse(String name, String text) {
        JsonPrimitive asText = new JsonPrimitive(text);
        if (has(name) && SETTINGS.get(name).holdsText() && !text.equals("null")) {
            return asText;
        }
        boolean list = has(name) && SETTINGS.get(name).type().equals("choice or numbers");
        try {
            JsonElement parsed =
                    JsonParser.parseString(list && text.contains(",") ? "[" + text + "]" : text);
            boolean fits = parsed.isJsonPrimitive() || parsed.isJsonNull() || list;
            return fits ? parsed : asText;
        } catch (JsonSyntaxException noJson) {
            return asText;
        }
    }

    /** Returns the names of the settings that a resumed run may change. */
    static List<String> resumable() {
        return SETTINGS.values().stream().filter(Setting::resumable).map(Setting::name).toList();
    }

    /**
     * Checks a value.
     *
     * @param name the setting's name
     * @param value its value
     * @return the value as recipes store it
     * @throws SettingException if the setting is unknown or does not allow the value
     */
    static JsonElement checked(String name, JsonElement value) {
        Setting setting = SETTINGS.get(name);
        if (setting == null) {
            String nearest = NearestName.find(name, SETTINGS.keySet());
            throw SettingException.of(
                    "Unknown setting. Received: %s. Allowed: %s.%s",
                    Setting.shown(new JsonPrimitive(name)),
                    String.join(", ", SETTINGS.keySet()),
                    nearest == null ? "" : " Did you mean \"" + nearest + "\"?");
        }
        return setting.checked(value);
    }
}
