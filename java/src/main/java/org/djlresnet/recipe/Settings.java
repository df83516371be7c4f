package org.djlresnet.recipe;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.djlresnet.NearestName;
import org.djlresnet.UserException;
import org.djlresnet.data.Datasets;

/** All keys of a recipe, each with its default and what it allows. */
final class Settings {

    private static final Map<String, Setting> SETTINGS = new LinkedHashMap<>();

    static {
        add(Setting.model("model", "d2l-resnet18"));
        add(Setting.choice("dataset", "fashion-mnist", recipeDatasets()));
        add(Setting.optionalText("data_dir", "a folder's path", ".+"));
        add(Setting.integer("epochs", 10L, 1, 1_000_000));
        add(Setting.integer("batch_size", 256L, 2, 65_536));
        add(Setting.number("lr", 0.05, 0, 1000));
        add(Setting.number("momentum", 0, 0, 0.9999));
        add(Setting.bool("nesterov", false));
        add(Setting.number("weight_decay", 0, 0, 1));
        add(Setting.bool("decay_bias_and_norm", false));
        add(
                Setting.choice(
                        "schedule",
                        "constant",
                        List.of("constant", "step", "cosine", "one-cycle", "plateau")));
        add(Setting.integer("warmup_epochs", 0L, 0, 1_000_000));
        add(Setting.integer("step_epochs", 30L, 1, 1_000_000));
        add(Setting.number("step_factor", 0.1, 0, 1));
        add(Setting.optionalText("weights", "a .safetensors file's path", ".+"));
        add(Setting.integer("image_size", null, 1, 4096));
        add(Setting.integer("limit", null, 2, Integer.MAX_VALUE));
        add(Setting.integer("seed", 0L, Long.MIN_VALUE, Long.MAX_VALUE));
        add(Setting.choice("engine", "pytorch", List.of("pytorch", "mxnet")));
        add(Setting.text("device", "auto", "auto, cpu, gpu or gpu:N", "auto|cpu|gpu(:\\d{1,3})?"));
        add(Setting.integer("threads", null, 1, 1024));
        add(
                Setting.optionalText(
                        "checkpoint_every", "STEPS, or SECONDS followed by s", "[1-9]\\d{0,8}s?"));
        add(Setting.integer("keep", 0L, 0, 1_000_000));
        add(Setting.integer("patience", null, 1, 1_000_000));
        add(Setting.number("min_delta", 0, 0, 1));
        add(Setting.integer("plateau_epochs", 10L, 0, 1_000_000));
        add(Setting.number("plateau_factor", 0.1, 0, 1));
        add(Setting.number("stochastic_depth", 0, 0, 0.95));
        add(Setting.bool("profile", false));
    }

    private Settings() {}

    private static void add(Setting setting) {
        SETTINGS.put(setting.key(), setting);
    }

    private static List<String> recipeDatasets() {
        return Stream.concat(Datasets.names().stream(), Stream.of(Recipe.ARRAYS)).toList();
    }

    static JsonObject defaults() {
        JsonObject values = new JsonObject();
        SETTINGS.forEach((key, setting) -> values.add(key, setting.defaultValue()));
        return values;
    }

    static boolean has(String key) {
        return SETTINGS.containsKey(key);
    }

    /**
     * Checks a value.
     *
     * @param key the setting's key
     * @param value its value
     * @throws UserException if there is no such key or it does not allow the value
     */
    static void check(String key, JsonElement value) {
        Setting setting = SETTINGS.get(key);
        if (setting == null) {
            throw new UserException(
                    "Unknown key \""
                            + key
                            + "\" in the recipe"
                            + NearestName.suggest(key, SETTINGS.keySet()));
        }
        setting.check(value);
    }
}
