package org.djlresnet.training;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.recipe.SettingException;

/**
 * Finds settings that would have no effect. {@link org.djlresnet.recipe.Recipe} checks what makes a
 * recipe invalid in itself.
 */
final class SettingChecks {

    /** A setting that has an effect only with some values of another. */
    private record Need(String name, String other, List<String> allowed) {}

    private static final List<Need> NEEDS =
            Stream.of(
                            needs(
                                    "schedule",
                                    "plateau",
                                    "plateau_epochs",
                                    "plateau_factor",
                                    "plateau_min"),
                            needs(
                                    "schedule",
                                    "cosine-restarts",
                                    "restart_epochs",
                                    "restart_factor"),
                            needs("schedule", "step", "step_at", "step_epochs", "step_factor"),
                            needs(
                                    "schedule",
                                    "triangular",
                                    "triangle_start",
                                    "triangle_peak",
                                    "triangle_end"),
                            needs("optimizer", "sgd,muon,lars", "momentum"),
                            needs("optimizer", "sgd,muon", "nesterov"),
                            needs("optimizer", "muon", "muon_momentum"),
                            needs("optimizer", "adam,adamw", "beta1", "beta2"),
                            needs("optimizer", "lars", "lars_trust"),
                            // they run as programs
                            needs(
                                    "engine",
                                    "pytorch",
                                    "optimizer",
                                    "freeze",
                                    "clip_norm",
                                    "accumulate",
                                    "lookahead",
                                    "ema_decay",
                                    "swa_epochs"))
                    .flatMap(List::stream)
                    .toList();

    private static List<Need> needs(String other, String allowed, String... names) {
        return Stream.of(names)
                .map(name -> new Need(name, other, List.of(allowed.split(","))))
                .toList();
    }

    private SettingChecks() {}

    /**
     * Rejects settings that others would make the run ignore, or that the engine lacks.
     *
     * @throws SettingException if one is not at its default
     */
    static void rejectIgnored(Recipe recipe) {
        AutoencoderSettings.rejectIgnored(recipe);
        Map<String, Object> values = recipe.toMap();
        Map<String, Object> defaults = Recipe.fromJson("{}").toMap();
        for (Need need : NEEDS) {
            Object given = values.get(need.other);
            if (!Objects.equals(values.get(need.name), defaults.get(need.name))
                    && !need.allowed.contains(given)) {
                String message =
                        "\"%s\" needs \"%s\" %s. Received: %s."
                                .formatted(
                                        need.name,
                                        need.other,
                                        String.join(", ", need.allowed)
                                                .replaceFirst(", (?=[^,]*$)", " or "),
                                        given);
                boolean optimizer = need.name.equals("optimizer");
                throw new SettingException(
                        optimizer ? message + " Set \"optimizer\" sgd." : message);
            }
        }
        if (recipe.stepAt().length > 0
                && !values.get("step_epochs").equals(defaults.get("step_epochs"))) {
            throw SettingException.of(
                    "\"step_at\" and \"step_epochs\" exclude each other. Received: %s and %s. Omit one.",
                    values.get("step_at"), recipe.stepEpochs());
        }
        if (!recipe.freezeStatistics() && recipe.freeze() == null) {
            throw new SettingException("\"freeze_statistics\" needs \"freeze\". Received: none.");
        }
        if (recipe.decayScales() != null && recipe.weightDecay() == 0) {
            throw new SettingException(
                    "\"decay_scales\" needs \"weight_decay\" above 0. Received: 0.");
        }
        // without an objective, the network decides
        if (recipe.sigma().equals("learned")
                && recipe.objective() != null
                && !recipe.objective().equals("gaussian")) {
            throw SettingException.of(
                    "\"sigma\" needs \"objective\" gaussian. Received: %s.", recipe.objective());
        }
        if (recipe.beta() == 0 && (recipe.betaWarmupEpochs() > 0 || recipe.freeBits() > 0)) {
            throw SettingException.of(
                    "\"%s\" needs \"beta\" above 0. Received: 0.",
                    recipe.freeBits() > 0 ? "free_bits" : "beta_warmup_epochs");
        }
        if (recipe.profile()
                && !FreezePart.of(recipe.freeze()).stream().allMatch(FreezePart::isAlways)) {
            throw SettingException.of(
                    "\"profile\" needs the same trained parameters in all epochs. Received: \"freeze\" '%s'."
                            + " Allowed: names without epochs.",
                    recipe.freeze());
        }
        boolean airbench = recipe.lookahead() != null && recipe.lookahead().startsWith("airbench:");
        if (recipe.patience() != null && (airbench || recipe.swaEpochs() > 0)) {
            throw SettingException.of(
                    "\"patience\" may end the run before \"%s\" averages its weights. Received: %s."
                            + " Omit one.",
                    airbench ? "lookahead" : "swa_epochs", recipe.patience());
        }
        if (recipe.minDelta() != 0 && recipe.patience() == null) {
            throw new SettingException("\"min_delta\" needs \"patience\". Received: none.");
        }
        if (recipe.normalize() && recipe.weights() != null) {
            throw new SettingException(
                    "\"normalize\" cannot be combined with \"weights\", which determine how images are"
                            + " prepared. Omit one.");
        }
        if (!recipe.normalize() && recipe.normalizeBy().length > 0) {
            throw new SettingException(
                    "\"normalize_by\" needs \"normalize\". Received: false. Set \"normalize\".");
        }
        if (recipe.decayBiasAndNorm() && recipe.weightDecay() == 0) {
            throw new SettingException(
                    "\"decay_bias_and_norm\" needs \"weight_decay\" above 0. Received: 0.");
        }
    }

    /** Returns a warning about a random body that is frozen, or null. */
    static String freezesRandomWeights(Recipe recipe) {
        if (recipe.weights() != null) {
            return null;
        }
        return FreezePart.of(recipe.freeze()).stream()
                .filter(part -> part.names().equals("body") && part.from() == 0)
                .findFirst()
                .map(
                        part ->
                                "\"freeze\" %s freezes random weights, which is useful only for pretrained ones. Set \"weights\" (on the command line --weights)."
                                        .formatted(part.text()))
                .orElse(null);
    }

    /** Returns a warning about settings that would begin after the last epoch, or null. */
    static String neverBegins(Recipe recipe) {
        List<String> late = new ArrayList<>();
        int epochs = recipe.epochs();
        if (recipe.lookahead() != null
                && recipe.lookahead().startsWith("airbench:")
                && Long.parseLong(recipe.lookahead().substring("airbench:".length())) >= epochs) {
            late.add("\"lookahead\" " + recipe.lookahead());
        }
        FreezePart.of(recipe.freeze()).stream()
                .filter(part -> part.from() >= epochs)
                .forEach(part -> late.add("\"freeze\" " + part.text()));
        boolean drops = recipe.schedule().equals("step") && recipe.stepAt().length == 0;
        if (drops && recipe.stepEpochs() >= epochs) {
            late.add("\"step_epochs\" " + recipe.stepEpochs());
        }
        if (late.isEmpty()) {
            return null;
        }
        return "%s %s no effect, because the run ends after %s."
                .formatted(
                        String.join(" and ", late),
                        late.size() == 1 ? "has" : "have",
                        epochs == 1 ? "1 epoch" : epochs + " epochs");
    }
}
