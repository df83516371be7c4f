package org.djlresnet.recipe;

import com.google.gson.Gson;
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

/** All settings of a recipe, in the order of {@code settings.json}, which Python reads as well. */
final class Settings {

    private static final Map<String, Setting> SETTINGS = read();

    private Settings() {}

    private record Schema(List<String> groups, List<Setting> settings) {}

    private static Map<String, Setting> read() {
        try (Reader reader =
                new InputStreamReader(
                        Settings.class.getResourceAsStream("settings.json"),
                        StandardCharsets.UTF_8)) {
            Map<String, Setting> settings = new LinkedHashMap<>();
            for (Setting setting : new Gson().fromJson(reader, Schema.class).settings()) {
                settings.put(setting.name(), setting);
            }
            return settings;
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
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
     * Reads a value that was written without quotes, as on a command line.
     *
     * @param name the setting's name
     * @param text its value
     * @return a number, truth value or null where the text is one and the setting is no text
     */
    static JsonElement parse(String name, String text) {
        JsonPrimitive asText = new JsonPrimitive(text);
        if (has(name) && SETTINGS.get(name).holdsText() && !text.equals("null")) {
            return asText;
        }
        try {
            JsonElement parsed = JsonParser.parseString(text);
            return parsed.isJsonPrimitive() || parsed.isJsonNull() ? parsed : asText;
        } catch (JsonSyntaxException noJson) {
            return asText;
        }
    }

    /** Lists the settings that a run which is resumed may change. */
    static List<String> resumable() {
        return SETTINGS.values().stream().filter(Setting::resumable).map(Setting::name).toList();
    }

    /**
     * Checks a value.
     *
     * @param name the setting's name
     * @param value its value
     * @return the value as recipes keep it
     * @throws SettingException if there is no such setting or it does not allow the value
     */
    static JsonElement checked(String name, JsonElement value) {
        Setting setting = SETTINGS.get(name);
        if (setting == null) {
            String nearest = NearestName.find(name, SETTINGS.keySet());
            throw new SettingException(
                    String.format(
                            "Unknown setting. Received: %s. Allowed: %s.%s",
                            Setting.shown(new JsonPrimitive(name)),
                            String.join(", ", SETTINGS.keySet()),
                            nearest == null ? "" : " Did you mean \"" + nearest + "\"?"));
        }
        return setting.checked(value);
    }
}
