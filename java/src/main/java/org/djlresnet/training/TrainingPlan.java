package org.djlresnet.training;

import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.djlresnet.UserException;
import org.djlresnet.data.BatchLoader;
import org.djlresnet.data.Examples;
import org.djlresnet.engine.Precision;
import org.djlresnet.evaluation.Evaluator;
import org.djlresnet.graph.Graph;
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
 */
public final class TrainingPlan {

    private final TrainingState start;
    private final Network network;
    private final Preprocessing preprocessing;
    private final Splits data;
    private final EpochPlan epochs;
    private final Objective objective;
    private final JsonObject fingerprints;
    private final StochasticDepth stochasticDepth;
    private final GradientPass pass;

    private TrainingPlan(
            TrainingState start, Network network, Examples train, Examples test, boolean keeps) {
        this.start = start;
        this.network = network;
        Recipe recipe = start.recipe();
        preprocessing = network.specification().requirePreprocessing();
        Evaluator.requireFit(network, train);
        Evaluator.requireFit(network, test);
        data = Splits.of(recipe, train, test);
        epochs = EpochPlan.of(start, data.train().size());
        // only a resumed run needs them
        fingerprints = keeps || start.data() != null ? data.fingerprints() : null;
        data.requireSame(start.data());
        ImageShape input = BatchLoader.requireFit(data.train(), preprocessing, recipe.batchSize());
        BatchLoader.requireFit(data.selecting(), preprocessing, recipe.batchSize());
        BatchLoader.requireFit(test, preprocessing, recipe.batchSize());
        objective = new Classification(network.classNames().size());
        stochasticDepth = new StochasticDepth(network, recipe.seed(), recipe.stochasticDepth());
        pass = pass(input);
    }

    private GradientPass pass(ImageShape input) {
        Recipe recipe = recipe();
        Graph graph = network.compilable(recipe.precision(), recipe.compile());
        boolean onCpu = !network.manager().getDevice().isGpu();
        if (recipe.profile() && (graph == null || !onCpu)) {
            throw new SettingException(
                    "\"profile\" needs \"engine\" pytorch, \"device\" cpu and a compiled network.");
        }
        if (graph == null) {
            return new BlockPass(network, objective);
        }
        boolean drops = recipe.stochasticDepth() > 0;
        Precision precision = recipe.precision();
        return recipe.profile()
                ? new Profiler(network, graph, objective, input, precision, drops)
                : new ProgramPass(network, graph, objective, input, precision, drops, null);
    }

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
    public static TrainingPlan check(
            TrainingState start, Network network, Examples train, Examples test, boolean keeps) {
        return new TrainingPlan(start, network, train, test, keeps);
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
                throw new SettingException(
                        "\"%s\" needs \"schedule\" %s. Received: %s."
                                .formatted(name, schedule, recipe.schedule()));
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

    TrainingState start() {
        return start;
    }

    Recipe recipe() {
        return start.recipe();
    }

    Network network() {
        return network;
    }

    Preprocessing preprocessing() {
        return preprocessing;
    }

    Splits data() {
        return data;
    }

    EpochPlan epochs() {
        return epochs;
    }

    Objective objective() {
        return objective;
    }

    /** Returns the data's fingerprints, or null if the run cannot be resumed. */
    JsonObject fingerprints() {
        return fingerprints;
    }

    StochasticDepth stochasticDepth() {
        return stochasticDepth;
    }

    GradientPass pass() {
        return pass;
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
