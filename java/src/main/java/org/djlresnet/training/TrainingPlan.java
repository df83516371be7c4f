package org.djlresnet.training;

import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.djlresnet.UserException;
import org.djlresnet.data.BatchLoader;
import org.djlresnet.data.Examples;
import org.djlresnet.evaluation.Evaluator;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Network;
import org.djlresnet.objective.Classification;
import org.djlresnet.objective.Metric;
import org.djlresnet.objective.Objective;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.recipe.SettingException;

/**
 * The plan of a run: recipe, network and data, checked against each other before anything is
 * written.
 *
 * @param fingerprints the data's fingerprints, or null if the run cannot be resumed
 */
record TrainingPlan(
        TrainingState start,
        Network network,
        Preprocessing preprocessing,
        Splits data,
        EpochPlan epochs,
        Objective objective,
        JsonObject fingerprints,
        StochasticDepth stochasticDepth,
        GradientPass pass) {

    /**
     * Checks a run.
     *
     * @param start the state of the run: its beginning, or that of a checkpoint
     * @param network the network in that state
     * @param train the training data; a validation split is taken from it
     * @param test the test data
     * @param keeps whether the run writes checkpoints
     * @return the plan
     * @throws UserException if the data do not fit the network, the recipe or the state, are too
     *     few, or network or device do not support a setting
     */
    static TrainingPlan check(
            TrainingState start, Network network, Examples train, Examples test, boolean keeps) {
        Recipe recipe = start.recipe();
        Preprocessing preprocessing = network.specification().requirePreprocessing();
        Evaluator.requireFit(network, train);
        Evaluator.requireFit(network, test);
        Splits data = Splits.of(recipe, train, test);
        EpochPlan epochs = EpochPlan.of(start, data.train().size());
        // only a resumed run needs them
        JsonObject fingerprints = keeps || start.data() != null ? data.fingerprints() : null;
        data.requireSame(start.data());
        ImageShape input = BatchLoader.requireFit(data.train(), preprocessing, recipe.batchSize());
        recipe.augment().requireFit(input, data.train().type());
        BatchLoader.requireFit(data.selecting(), preprocessing, recipe.batchSize());
        BatchLoader.requireFit(test, preprocessing, recipe.batchSize());
        Objective objective = new Classification(network.classNames().size());
        return new TrainingPlan(
                start,
                network,
                preprocessing,
                data,
                epochs,
                objective,
                fingerprints,
                new StochasticDepth(network, recipe.seed(), recipe.stochasticDepth()),
                GradientPass.create(recipe, network, objective, input));
    }

    /**
     * Rejects settings that the recipe's schedule or patience would ignore.
     *
     * @throws SettingException if one is not at its default
     */
    static void rejectIgnoredSettings(Recipe recipe) {
        Map<String, Object> values = recipe.toMap();
        Map<String, Object> defaults = Recipe.fromJson("{}").toMap();
        Map<String, String> schedules =
                Map.of(
                        "step_epochs", "step",
                        "step_factor", "step",
                        "plateau_epochs", "plateau",
                        "plateau_factor", "plateau");
        for (String name : new TreeMap<>(schedules).keySet()) {
            String schedule = schedules.get(name);
            if (!values.get(name).equals(defaults.get(name))
                    && !recipe.schedule().equals(schedule)) {
                throw SettingException.of(
                        "\"%s\" needs \"schedule\" %s. Received: %s.",
                        name, schedule, recipe.schedule());
            }
        }
        if (recipe.minDelta() != 0 && recipe.patience() == null) {
            throw new SettingException("\"min_delta\" needs \"patience\". Received: none.");
        }
        if (recipe.decayBiasAndNorm() && recipe.weightDecay() == 0) {
            throw new SettingException(
                    "\"decay_bias_and_norm\" needs \"weight_decay\" above 0. Received: 0.");
        }
    }

    Recipe recipe() {
        return start.recipe();
    }

    /** Returns the rule that selects the best epoch. */
    Selection selection() {
        return new Selection(data.part(), objective.selection());
    }

    Schedule schedule() {
        return new Schedule(
                recipe(), epochs.steps(), new Selection(data.part(), objective.plateau()));
    }

    /** Returns the metric columns of metrics.csv. */
    List<String> metricColumns() {
        List<String> columns = new ArrayList<>();
        for (String part : List.of("train", data.part())) {
            for (Metric metric : objective.metrics()) {
                columns.add(part + "_" + metric.name());
            }
        }
        return columns;
    }
}
