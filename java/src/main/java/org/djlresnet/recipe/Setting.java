package org.djlresnet.recipe;

import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonPrimitive;
import java.math.BigDecimal;
import java.util.List;
import org.djlresnet.NearestName;
import org.djlresnet.UserException;
import org.djlresnet.model.Models;

/**
 * One key of a recipe: its default, its kind and what it allows.
 *
 * @param key the key
 * @param defaultValue the value where the recipe has none; JSON null only where null is allowed
 * @param allowed what is allowed, in words
 * @param rule tells whether a value is allowed
 */
record Setting(String key, JsonElement defaultValue, String allowed, Rule rule) {

    private static final int LONGEST_SHOWN = 100;

    @FunctionalInterface
    interface Rule {
        /** Returns null for an allowed value, else an addition to the message, possibly empty. */
        String complaint(JsonElement value);
    }

    static Setting choice(String key, String defaultValue, List<String> choices) {
        return new Setting(
                key,
                new JsonPrimitive(defaultValue),
                "one of " + String.join(", ", choices),
                value -> {
                    if (!isString(value)) {
                        return "";
                    }
                    String given = value.getAsString();
                    return choices.contains(given) ? null : NearestName.suggest(given, choices);
                });
    }

    static Setting model(String key, String defaultValue) {
        return new Setting(
                key,
                new JsonPrimitive(defaultValue),
                "a network's name, with options after plus signs as in resnet50+deep_stem",
                value -> {
                    if (!isString(value)) {
                        return "";
                    }
                    try {
                        Models.get(value.getAsString());
                        return null;
                    } catch (UserException unknown) {
                        return ". " + unknown.getMessage();
                    }
                });
    }

    static Setting text(String key, String defaultValue, String allowed, String pattern) {
        return new Setting(
                key,
                new JsonPrimitive(defaultValue),
                allowed,
                value -> isString(value) && value.getAsString().matches(pattern) ? null : "");
    }

    static Setting optionalText(String key, String allowed, String pattern) {
        return new Setting(
                key,
                JsonNull.INSTANCE,
                allowed + ", or null",
                value ->
                        value.isJsonNull()
                                        || isString(value) && value.getAsString().matches(pattern)
                                ? null
                                : "");
    }

    static Setting bool(String key, boolean defaultValue) {
        return new Setting(
                key,
                new JsonPrimitive(defaultValue),
                "true or false",
                value ->
                        value.isJsonPrimitive() && value.getAsJsonPrimitive().isBoolean()
                                ? null
                                : "");
    }

    static Setting integer(String key, Long defaultValue, long least, long most) {
        String range = "a whole number from " + least + " to " + most;
        boolean optional = defaultValue == null;
        return new Setting(
                key,
                optional ? JsonNull.INSTANCE : new JsonPrimitive(defaultValue),
                optional ? range + ", or null" : range,
                value -> {
                    if (optional && value.isJsonNull()) {
                        return null;
                    }
                    return isWholeNumber(value, least, most) ? null : "";
                });
    }

    static Setting number(String key, double defaultValue, double least, double most) {
        return new Setting(
                key,
                new JsonPrimitive(defaultValue),
                "a number from " + plain(least) + " to " + plain(most),
                value -> {
                    if (!isNumber(value)) {
                        return "";
                    }
                    double given = value.getAsDouble();
                    return given >= least && given <= most ? null : "";
                });
    }

    /** Checks a value; the message names the key, the value and what is allowed. */
    void check(JsonElement value) {
        String complaint = rule.complaint(value);
        if (complaint != null) {
            throw new UserException(
                    "Bad value for \""
                            + key
                            + "\": "
                            + shortened(value.toString())
                            + ". Allowed: "
                            + allowed
                            + complaint);
        }
    }

    private static String shortened(String value) {
        return value.length() <= LONGEST_SHOWN ? value : value.substring(0, LONGEST_SHOWN) + "…";
    }

    private static String plain(double value) {
        return new BigDecimal(Double.toString(value)).stripTrailingZeros().toPlainString();
    }

    private static boolean isString(JsonElement value) {
        return value.isJsonPrimitive() && value.getAsJsonPrimitive().isString();
    }

    private static boolean isNumber(JsonElement value) {
        return value.isJsonPrimitive() && value.getAsJsonPrimitive().isNumber();
    }

    private static boolean isWholeNumber(JsonElement value, long least, long most) {
        if (!isNumber(value)) {
            return false;
        }
        try {
            // "1.0" and "1e3" are whole numbers to JSON's eyes, "1.5" is not
            long given = value.getAsBigDecimal().longValueExact();
            return given >= least && given <= most;
        } catch (ArithmeticException | NumberFormatException notWhole) {
            return false;
        }
    }
}
