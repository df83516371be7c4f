package org.djlresnet.training;

import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.djlresnet.UserException;
import org.djlresnet.data.Augmenter;
import org.djlresnet.data.BatchLoader;
import org.djlresnet.data.Examples;
import org.djlresnet.evaluation.Evaluator;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Autoencoding;
import org.djlresnet.model.Network;
import org.djlresnet.objective.Classification;
import org.djlresnet.objective.Elbo;
import org.djlresnet.objective.LabelLoss;
import org.djlresnet.objective.Metric;
import org.djlresnet.objective.Objective;
import org.djlresnet.optimizer.TrainedParameter;
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
        Freezing freezing,
        ImageShape input,
        GradientPass pass) {

    /**
     * Checks a run.
     *
     * @param start the state of the run: its beginning, or that of a checkpoint
     * @param network the network in that state
     * @param train the training data; a validation split is taken from it
     * @param validation the data set's own validation data, or null
     * @param test the test data, or null
     * @param keeps whether the run writes checkpoints
     * @return the plan
     * @throws UserException if the data do not fit the network, the recipe or the state, are too
     *     few, or network or device do not support a setting
     */
    static TrainingPlan check(
            TrainingState start,
            Network network,
            Examples train,
            Examples validation,
            Examples test,
            boolean keeps) {
        Recipe recipe = start.recipe();
        if (!keeps && !recipe.debugGradients().equals("none")) {
            throw new SettingException(
                    "\"debug_gradients\" needs a run folder. Received: none. Set \"out\".");
        }
        Preprocessing preprocessing = network.specification().requirePreprocessing();
        Evaluator.requireFit(network, train);
        Splits data = Splits.of(recipe, train, validation, test);
        Evaluator.requireFit(network, data.selecting());
        EpochPlan epochs = EpochPlan.of(start, data.train().size());
        // only a resumed run needs them
        JsonObject fingerprints = keeps || start.data() != null ? data.fingerprints() : null;
        data.requireSame(start.data());
        ImageShape input = BatchLoader.requireFit(data.train(), preprocessing, recipe.batchSize());
        recipe.augment().requireFit(input, data.train().type());
        BatchLoader.requireFit(data.selecting(), preprocessing, recipe.batchSize());
        if (data.keepsTest()) {
            Evaluator.requireFit(network, test);
            BatchLoader.requireFit(test, preprocessing, recipe.batchSize());
        }
        network.requireSize(input.height(), input.width());
        Objective objective = objective(recipe, network, data.train());
        StochasticDepth stochasticDepth =
                new StochasticDepth(network, recipe.seed(), recipe.stochasticDepth());
        Freezing freezing = new Freezing(network, recipe);
        freezing.apply(start.epochsDone());
        // rejects names that the network does not have
        TrainedParameter.of(network.parameters(), recipe);
        return new TrainingPlan(
                start,
                network,
                preprocessing,
                data,
                epochs,
                objective,
                fingerprints,
                stochasticDepth,
                freezing,
                input,
                GradientPass.create(recipe, network, objective, input));
    }

    private static Objective objective(Recipe recipe, Network network, Examples train) {
        Autoencoding images = network.specification().autoencoding();
        if (images != null) {
            return new Elbo(images.likelihood(), recipe.freeBits());
        }
        int classes = network.classNames().size();
        return new Classification(
                classes,
                new LabelLoss(
                        ClassWeights.of(recipe, train, classes),
                        recipe.labelSmoothing(),
                        recipe.focalGamma()));
    }

    Recipe recipe() {
        return start.recipe();
    }

    /** Returns which steps share an update of the weights. */
    UpdatePlan updates() {
        return new UpdatePlan(
                epochs.steps(), epochs.examples(), recipe().batchSize(), recipe().accumulate());
    }

    /**
     * Returns the rule that selects the best epoch: by the average of the weights if there is one.
     */
    Selection selection() {
        return new Selection(averagedPart().orElse(data.part()), objective.selection());
    }

    /** Returns the part of the columns that measure the average of the weights. */
    Optional<String> averagedPart() {
        boolean averages = recipe().emaDecay() > 0 || recipe().swaEpochs() > 0;
        return averages ? Optional.of(data.part() + "_average") : Optional.empty();
    }

    /** Returns the learning rate by update. */
    Schedule schedule() {
        return new Schedule(
                recipe(), updates().perEpoch(), new Selection(data.part(), objective.plateau()));
    }

    /** Returns what an autoencoder's batches need besides images. */
    Latents latents() {
        return new Latents(recipe(), network, updates().perEpoch());
    }

    /** Compiles the pass again, after other parameters have been frozen. */
    GradientPass newPass() {
        return GradientPass.create(recipe(), network, objective, input);
    }

    /** Returns a loader of the training data, with the recipe's augmentation. */
    BatchLoader trainingLoader() {
        Recipe recipe = recipe();
        Augmenter augmenter = recipe.augment().augmenter(recipe.seed(), preprocessing, input);
        return new BatchLoader(data.train(), preprocessing, recipe.batchSize(), augmenter);
    }

    /** Returns the metric columns of metrics.csv. */
    List<String> metricColumns() {
        List<String> columns = new ArrayList<>();
        List<String> parts = new ArrayList<>(List.of("train", data.part()));
        averagedPart().ifPresent(parts::add);
        for (String part : parts) {
            for (Metric metric : objective.metrics()) {
                columns.add(part + "_" + metric.name());
            }
        }
        return columns;
    }
}
