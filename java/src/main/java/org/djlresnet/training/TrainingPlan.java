package org.djlresnet.training;

import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
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

/**
 * A run that can be made: recipe, network and data, checked against each other before anything is
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
        // where nothing is kept, no run is resumed with them
        fingerprints = keeps || start.data() != null ? data.fingerprints() : null;
        data.requireSame(start.data());
        ImageShape input = BatchLoader.requireFit(data.train(), preprocessing, recipe.batchSize());
        BatchLoader.requireFit(data.selecting(), preprocessing, recipe.batchSize());
        BatchLoader.requireFit(test, preprocessing, recipe.batchSize());
        network.arrangeFor(input.height(), input.width());
        objective = new Classification(network.classNames().size());
        stochasticDepth = new StochasticDepth(network, recipe.seed(), recipe.stochasticDepth());
        pass =
                recipe.profile()
                        ? new Profiler(network, objective)
                        : new GradientPass(network, objective);
    }

    /**
     * Checks a run.
     *
     * @param start where the run stands: its beginning, or a checkpoint's state
     * @param network the network in that state
     * @param train the training data, of which a validation split may be held out
     * @param test the test data
     * @param keeps whether the run leaves checkpoints
     * @return the plan
     * @throws UserException if the data do not fit the network, the recipe or the state, or are too
     *     few, or the network or device cannot do what the recipe asks for
     */
    public static TrainingPlan check(
            TrainingState start, Network network, Examples train, Examples test, boolean keeps) {
        return new TrainingPlan(start, network, train, test, keeps);
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

    /** Returns the data's fingerprints, or null if no run will be resumed with them. */
    JsonObject fingerprints() {
        return fingerprints;
    }

    StochasticDepth stochasticDepth() {
        return stochasticDepth;
    }

    GradientPass pass() {
        return pass;
    }

    /** Returns what selects the best epoch. */
    Selection selection() {
        return new Selection(data.part(), objective.selection());
    }

    Schedule schedule() {
        return new Schedule(
                recipe(), epochs.steps(), new Selection(data.part(), objective.plateau()));
    }

    /** Returns the columns of metrics.csv that hold metrics. */
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
