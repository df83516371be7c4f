package org.djlresnet.recipe;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Checks settings against each other, and those that a resumed run changes. */
final class RecipeChecks {

    private RecipeChecks() {}

    /** Rejects settings that exclude each other, each of which is allowed. */
    static void requireConsistent(Recipe recipe) {
        if (recipe.nesterov() && recipe.momentum() == 0) {
            throw new SettingException("\"nesterov\" needs \"momentum\" above 0. Received: 0.");
        }
        if (recipe.warmupEpochs() >= recipe.epochs() && recipe.warmupEpochs() > 0) {
            throw SettingException.of(
                    "\"warmup_epochs\" must be less than \"epochs\". Received: %s and %s. Set"
                            + " \"warmup_epochs\" 0, or more \"epochs\".",
                    recipe.warmupEpochs(), recipe.epochs());
        }
        if (recipe.betaWarmupEpochs() > recipe.epochs()) {
            throw SettingException.of(
                    "\"beta_warmup_epochs\" must be at most \"epochs\". Received: %s and %s.",
                    recipe.betaWarmupEpochs(), recipe.epochs());
        }
        if (recipe.isFolder() && recipe.dataDir() != null) {
            throw SettingException.of(
                    "\"data_dir\" cannot be combined with a folder of images. Received: %s. Put the"
                            + " folder's path after 'folder:', and omit it.",
                    recipe.dataDir());
        }
        if (recipe.skipBad() && !recipe.isFolder()) {
            throw SettingException.of(
                    "\"skip_bad\" needs a folder of images as \"dataset\". Received: %s.",
                    recipe.dataset());
        }
        if (recipe.swaEpochs() > 0 && recipe.emaDecay() > 0) {
            throw SettingException.of(
                    "\"swa_epochs\" and \"ema_decay\" exclude each other. Received: %s and %s."
                            + " Set one of them to 0.",
                    recipe.swaEpochs(), recipe.emaDecay());
        }
        if (recipe.swaEpochs() > recipe.epochs()) {
            throw SettingException.of(
                    "\"swa_epochs\" must be at most \"epochs\". Received: %s and %s.",
                    recipe.swaEpochs(), recipe.epochs());
        }
    }

    /**
     * Changes settings of a run to be resumed.
     *
     * @param before the run's recipe
     * @param values its values
     * @param changes settings by name
     */
    static Recipe resumed(Recipe before, JsonObject values, Map<String, ?> changes) {
        JsonObject changed = values.deepCopy();
        List<String> rejected = new ArrayList<>();
        changes.forEach(
                (name, given) -> {
                    JsonElement value = Settings.checked(name, Settings.tree(given));
                    // a run records the precision that it chose
                    boolean chosen = name.equals("precision") && value.getAsString().equals("auto");
                    if (Settings.resumable().contains(name)) {
                        changed.add(name, value);
                    } else if (!chosen && !value.equals(values.get(name))) {
                        rejected.add(
                                "\"%s\" %s (it is %s)"
                                        .formatted(
                                                name,
                                                Setting.shown(value),
                                                Setting.shown(values.get(name))));
                    }
                });
        if (!rejected.isEmpty()) {
            throw SettingException.of(
                    "A resumed run keeps these settings: %s. Allowed to change: %s.",
                    String.join(", ", rejected),
                    Settings.resumable().stream()
                            .map(name -> '"' + name + '"')
                            .collect(Collectors.joining(", ")));
        }
        Recipe recipe = Recipe.of(changed.asMap());
        String bound = boundToEpochs(before);
        if (bound != null && recipe.epochs() != before.epochs()) {
            throw SettingException.of(
                    "\"epochs\" cannot change in a resumed run with %s, which depends on it"
                            + " from the first step. Received: %s. Allowed: %s. Start a new run.",
                    bound, recipe.epochs(), before.epochs());
        }
        return recipe;
    }

    /** Returns what depends on the number of epochs from the first step, or null. */
    static String boundToEpochs(Recipe recipe) {
        if (List.of("cosine", "triangular", "one-cycle").contains(recipe.schedule())) {
            return "the schedule '" + recipe.schedule() + "'";
        }
        if (recipe.stepAt().length > 0) {
            return "\"step_at\"";
        }
        if (recipe.swaEpochs() > 0) {
            return "\"swa_epochs\"";
        }
        boolean grows = recipe.lookahead() != null && recipe.lookahead().startsWith("airbench");
        return grows ? "\"lookahead\" airbench" : null;
    }
}
