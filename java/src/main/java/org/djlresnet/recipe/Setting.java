package org.djlresnet.recipe;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonPrimitive;
import com.google.gson.annotations.SerializedName;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.djlresnet.NearestName;
import org.djlresnet.UserException;
import org.djlresnet.augment.Augmentations;
import org.djlresnet.data.Datasets;
import org.djlresnet.model.Models;

/**
 * One setting, as {@code settings.json} describes it. Keys that its type does not use are null.
 *
 * @param name its name
 * @param type boolean, integer, number, choice, choice or numbers, text, path, model, dataset,
 *     augmentations or fraction or path
 * @param defaultValue the default value
 * @param min the smallest number allowed
 * @param max the largest number allowed
 * @param choices the values of a choice
 * @param pattern the regular expression that a text must match
 * @param allowed the allowed values in words, unless type, limits and choices give them
 * @param unset what JSON null means, in words; null if it is not allowed
 * @param resumable whether a resumed run may change it
 */
record Setting(
        String name,
        String type,
        @SerializedName("default") JsonElement defaultValue,
        BigDecimal min,
        BigDecimal max,
        List<String> choices,
        String pattern,
        String allowed,
        String unset,
        boolean resumable) {

    /**
     * Checks a value.
     *
     * @param value the value
     * @return the value as recipes store it: integers without fraction or exponent
     * @throws SettingException if it is not allowed
     */
    JsonElement checked(JsonElement value) {
        if (value.isJsonNull() && unset != null) {
            return value;
        }
        try {
            if (type.equals("augmentations")) {
                if (isTexts(value)) {
                    return augmentations(value);
                }
            } else if (allows(value)) {
                return type.equals("integer") ? new JsonPrimitive(whole(value)) : value;
            }
        } catch (ArithmeticException | NumberFormatException notWhole) {
            throw wrong(value, "");
        } catch (UserException unknown) {
            String reason =
                    unknown.getMessage()
                            .replace('"', '\'')
                            .replaceFirst("^(Unknown|Invalid) (model|augmentation)\\. ", "");
            throw new SettingException("Invalid value for \"" + name + "\". " + sentence(reason));
        }
        String nearest =
                type.equals("choice") || type.equals("dataset")
                        ? NearestName.find(textOf(value), choices())
                        : null;
        throw wrong(value, nearest == null ? "" : " Did you mean '" + nearest + "'?");
    }

    private boolean allows(JsonElement value) {
        return switch (type) {
            case "boolean" -> value.isJsonPrimitive() && value.getAsJsonPrimitive().isBoolean();
            case "integer" -> isNumber(value) && isWithin(BigDecimal.valueOf(whole(value)));
            case "number" -> isNumber(value) && isWithin(value.getAsDouble());
            case "choice" -> choices().contains(textOf(value));
            case "dataset" ->
                    choices().contains(textOf(value))
                            || textOf(value).startsWith(Recipe.FOLDER)
                                    && textOf(value).length() > Recipe.FOLDER.length();
            case "choice or numbers" ->
                    value.isJsonArray()
                            ? areNumbers(value.getAsJsonArray())
                            : choices.contains(textOf(value));
            case "text" -> textOf(value).matches(pattern);
            case "path" -> isPath(value);
            case "fraction or path" ->
                    isNumber(value)
                            ? value.getAsDouble() > 0 && value.getAsDouble() < 1
                            : isPath(value);
            case "model" -> isText(value) && Models.get(textOf(value)) != null;
            default -> throw new IllegalStateException("settings.json has the type " + type);
        };
    }

    /** Checks a list of texts, or one text with commas, and returns a list. */
    private static JsonElement augmentations(JsonElement value) {
        List<String> texts = new ArrayList<>();
        if (isText(value)) {
            texts.addAll(Augmentations.split(value.getAsString()));
        } else {
            value.getAsJsonArray().forEach(text -> texts.add(text.getAsString()));
        }
        Augmentations.of(texts);
        JsonArray list = new JsonArray();
        texts.forEach(list::add);
        return list;
    }

    private static boolean isTexts(JsonElement value) {
        return isText(value)
                || value.isJsonArray()
                        && value.getAsJsonArray().asList().stream().allMatch(Setting::isText);
    }

    private static String sentence(String text) {
        return text.endsWith(".") || text.endsWith("?") ? text : text + ".";
    }

    /** Returns whether the setting's values are strings. */
    boolean holdsText() {
        return List.of("augmentations", "choice", "dataset", "model", "path", "text")
                .contains(type);
    }

    @Override
    public List<String> choices() {
        return type.equals("dataset")
                ? Stream.concat(Datasets.names().stream(), Stream.of(Recipe.ARRAYS)).toList()
                : choices;
    }

    private SettingException wrong(JsonElement value, String advice) {
        return SettingException.of(
                "Invalid value for \"%s\". Received: %s. Allowed: %s.%s",
                name, shown(value), inWords(), advice);
    }

    /** Describes the allowed values. */
    String inWords() {
        String words =
                switch (type) {
                    case "boolean" -> "true or false";
                    case "integer" -> "a whole number from " + plain(min) + " to " + plain(max);
                    case "number" -> "a number from " + plain(min) + " to " + plain(max);
                    case "choice" -> String.join(", ", choices());
                    case "dataset" -> Recipe.FOLDER + "DIR, " + String.join(", ", choices());
                    case "choice or numbers" ->
                            String.join(", ", choices)
                                    + ", or numbers from %s to %s, not all 0"
                                            .formatted(plain(min), plain(max));
                    default -> allowed;
                };
        return unset == null ? words : words + ", or null";
    }

    /** Shows a value in a message without double quotes, which mark names of settings. */
    static String shown(JsonElement value) {
        if (value.isJsonArray()) {
            List<JsonElement> list = value.getAsJsonArray().asList();
            boolean numbers = list.size() > 1 && list.stream().allMatch(Setting::isNumber);
            return numbers ? list.toString() : "a list";
        }
        if (value.isJsonObject()) {
            return "an object";
        }
        String json = value.toString();
        return isText(value)
                ? "'" + UserException.shortened(json.substring(1, json.length() - 1)) + "'"
                : UserException.shortened(json);
    }

    private boolean areNumbers(JsonArray list) {
        boolean positive = false;
        for (JsonElement value : list) {
            if (!isNumber(value) || !isWithin(value.getAsDouble())) {
                return false;
            }
            positive |= value.getAsDouble() > 0;
        }
        return positive;
    }

    private boolean isWithin(BigDecimal value) {
        return value.compareTo(min) >= 0 && value.compareTo(max) <= 0;
    }

    private boolean isWithin(double value) {
        return value >= min.doubleValue() && value <= max.doubleValue();
    }

    private static boolean isPath(JsonElement value) {
        String text = textOf(value);
        return !text.isEmpty() && text.indexOf('\0') < 0;
    }

    /** JSON has one number type: 1.0 and 1e3 are integers, 1.5 is not. */
    private static long whole(JsonElement value) {
        return value.getAsBigDecimal().longValueExact();
    }

    private static String plain(BigDecimal value) {
        return value.stripTrailingZeros().toPlainString();
    }

    /** Returns a string, or an empty one for other values. */
    private static String textOf(JsonElement value) {
        return isText(value) ? value.getAsString() : "";
    }

    private static boolean isText(JsonElement value) {
        return value.isJsonPrimitive() && value.getAsJsonPrimitive().isString();
    }

    private static boolean isNumber(JsonElement value) {
        return value.isJsonPrimitive() && value.getAsJsonPrimitive().isNumber();
    }
}
