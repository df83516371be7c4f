package org.djlresnet.training;

import ai.djl.training.initializer.Initializer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.djlresnet.UserException;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.data.DataChecks;
import org.djlresnet.data.Examples;
import org.djlresnet.engine.Devices;
import org.djlresnet.engine.Engines;
import org.djlresnet.engine.Versions;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Network;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.recipe.SettingException;

/**
 * A prepared run: data read and checked, network and folder created.
 *
 * @param recipe the recipe
 * @param network the network to train
 * @param folder the run's folder, or null if the run writes no files
 * @param trainer the training loop, not started
 * @param rowsBefore the number of epochs completed before
 * @param warning a warning for the user, or null
 */
public record TrainingRun(
        Recipe recipe,
        Network network,
        RunFolder folder,
        Trainer trainer,
        int rowsBefore,
        String warning) {

    /**
     * Prepares a run on a named data set.
     *
     * @param recipe the recipe
     * @param dataDir the folder of the data set, unless the recipe sets {@code data_dir}
     * @param runDir the run's folder, or null for {@code runs/<date>-<model>-<dataset>}
     * @return the run
     * @throws UserException if recipe, data or folder are invalid
     */
    public static TrainingRun prepare(Recipe recipe, Path dataDir, Path runDir) {
        return begin(recipe, RunData.named(dataDir), true, runDir, false);
    }

    /**
     * Prepares a run on arrays.
     *
     * @param recipe the recipe; its data set is recorded as "arrays"
     * @param train the training data
     * @param test the test data
     * @param runDir the run's folder, or null to write no files
     * @return the run
     * @throws UserException if recipe, data or folder are invalid
     */
    public static TrainingRun prepare(Recipe recipe, Examples train, Examples test, Path runDir) {
        return begin(
                recipe.with("dataset", Recipe.ARRAYS),
                RunData.files(train, null, test),
                runDir != null,
                runDir,
                false);
    }

    /**
     * Prepares a run on files of images, which are decoded already.
     *
     * @param recipe the recipe, whose data set is their folder
     * @param train the training data
     * @param validation validation data, or null
     * @param test the test data, or null; one of the two is required unless the recipe sets {@code
     *     validation}
     * @param runDir the run's folder, or null for {@code runs/<date>-<model>-<dataset>}
     * @return the run
     * @throws UserException if recipe, data or folder are invalid
     */
    public static TrainingRun prepare(
            Recipe recipe, Examples train, Examples validation, Examples test, Path runDir) {
        return begin(recipe, RunData.files(train, validation, test), true, runDir, false);
    }

    /**
     * Checks a new run on files of images before they are decoded.
     *
     * @param recipe the recipe, whose data set is their folder
     * @param train as many training examples, with other pixels
     * @param validation the same of the validation data, or null
     * @param test the same of the test data, or null
     * @throws UserException if a setting does not fit the data or the network
     */
    public static void check(Recipe recipe, Examples train, Examples validation, Examples test) {
        RunData data = RunData.files(train, validation, test);
        // the only setting that needs a folder
        TrainingRun run = begin(recipe.with("debug_gradients", "none"), data, false, null, false);
        release(run.network, run.folder);
    }

    /**
     * Prepares a sweep over learning rates on a named data set. It writes no files.
     *
     * @param recipe the recipe
     * @param dataDir the folder of the data set, unless the recipe sets {@code data_dir}
     * @return a run for {@link #sweep}
     * @throws UserException if recipe or data are invalid
     */
    public static TrainingRun rehearse(Recipe recipe, Path dataDir) {
        return rehearse(recipe, RunData.named(dataDir));
    }

    /**
     * Prepares a sweep over learning rates on arrays or files. It writes no files.
     *
     * @param recipe the recipe
     * @param train the training data
     * @param validation validation data, or null
     * @param test the test data, or null
     * @return a run for {@link #sweep}
     * @throws UserException if recipe or data are invalid
     */
    public static TrainingRun rehearse(
            Recipe recipe, Examples train, Examples validation, Examples test) {
        return rehearse(recipe, RunData.files(train, validation, test));
    }

    private static TrainingRun rehearse(Recipe recipe, RunData data) {
        return begin(forSweep(recipe), data, false, null, true);
    }

    /** Leaves out what depends on epochs, which a sweep does not have. */
    private static Recipe forSweep(Recipe recipe) {
        String always =
                FreezePart.of(recipe.freeze()).stream()
                        .filter(FreezePart::isAlways)
                        .map(FreezePart::text)
                        .collect(Collectors.joining(","));
        return recipe.with("debug_gradients", "none")
                .with("lookahead", null)
                .with("ema_decay", 0.0)
                .with("swa_epochs", 0)
                .with("beta_warmup_epochs", 0)
                .with("freeze", always.isEmpty() ? null : always)
                .with("freeze_statistics", always.isEmpty() || recipe.freezeStatistics());
    }

    /**
     * Sweeps over learning rates, then frees the network.
     *
     * @param sweep receives the results
     */
    public void sweep(LrSweep sweep) {
        try (network) {
            new SweepRun(trainer, sweep).run();
        }
    }

    /**
     * Resumes a run on a named data set.
     *
     * @param from a run folder, or a checkpoint in one; the run continues in that folder
     * @param changes settings to change; only those that do not affect the result
     * @param dataDir the folder of the data set, unless the recipe sets {@code data_dir}
     * @return the run
     * @throws UserException if there is no run to resume, or changes or data do not fit it
     */
    public static TrainingRun resume(Path from, Map<String, ?> changes, Path dataDir) {
        return continueRun(from, changes, RunData.named(dataDir));
    }

    /**
     * Resumes a run on arrays.
     *
     * @param from a run folder, or a checkpoint in one; the run continues in that folder
     * @param changes settings to change; only those that do not affect the result
     * @param train the training data of the run
     * @param test the test data of the run
     * @return the run
     * @throws UserException if there is no run to resume, or changes or data do not fit it
     */
    public static TrainingRun resume(
            Path from, Map<String, ?> changes, Examples train, Examples test) {
        return continueRun(from, changes, RunData.files(train, null, test));
    }

    /**
     * Resumes a run on files of images, which are decoded already.
     *
     * @param from a run folder, or a checkpoint in one; the run continues in that folder
     * @param changes settings to change; only those that do not affect the result
     * @param train the training data of the run
     * @param validation the validation data of the run, or null
     * @param test the test data of the run, or null
     * @return the run
     * @throws UserException if there is no run to resume, or changes or data do not fit it
     */
    public static TrainingRun resume(
            Path from, Map<String, ?> changes, Examples train, Examples validation, Examples test) {
        return continueRun(from, changes, RunData.files(train, validation, test));
    }

    private static TrainingRun begin(
            Recipe given, RunData data, boolean keep, Path runDir, boolean sweeps) {
        // another machine that resumes the run might choose differently
        Recipe recipe =
                AutoencoderSettings.withValidation(
                        given.with("precision", given.precision().toString()),
                        data.validation() != null);
        SettingChecks.rejectIgnored(recipe);
        if (!sweeps) {
            AutoencoderSettings.rejectUsualRate(recipe);
        }
        Engines.require(recipe.engine());
        Examples allTrain = data.read(recipe, true);
        Examples allTest = data.read(recipe, false);
        String classWarning = DataChecks.checkClasses(allTrain, allTest);
        Examples train = RunData.limited(allTrain, recipe);
        Examples test = RunData.limited(allTest, recipe);
        boolean keepsSize = recipe.imageSize() == null && recipe.weights() == null;
        if (keepsSize && !recipe.isFolder() && test != null) {
            DataChecks.requireSameSize(train, test);
        }
        Network network = RunNetwork.fresh(recipe, train);
        RunFolder folder = null;
        try {
            TrainingPlan plan =
                    TrainingPlan.check(
                            TrainingState.beginning(recipe),
                            network,
                            train,
                            RunData.limited(data.validation(), recipe),
                            test,
                            keep);
            // the folder is created last, so that an error leaves none behind
            folder = keep ? RunFolder.create(runDir, contents(plan)) : null;
            Trainer trainer = new Trainer(plan, Map.of(), folder);
            String warning =
                    joined(
                            classWarning,
                            RunNetwork.resized(recipe, network, train),
                            ValidationSplit.unmeasured(recipe, plan.data().selecting()),
                            SettingChecks.neverBegins(recipe),
                            SettingChecks.freezesRandomWeights(recipe),
                            cropsResized(recipe, network, train));
            return new TrainingRun(recipe, network, folder, trainer, 0, warning);
        } catch (RuntimeException | Error failure) {
            release(network, folder);
            throw failure;
        }
    }

    private static TrainingRun continueRun(Path from, Map<String, ?> changes, RunData data) {
        Path place = Files.isDirectory(from) ? from : from.toAbsolutePath().getParent();
        ResumePoint.requireRun(from, place);
        RunFolder folder = RunFolder.open(place);
        Network network = null;
        try {
            try (ResumePoint point = ResumePoint.find(folder, from)) {
                point.requireRecipeOf(folder);
                Checkpoint checkpoint = point.checkpoint();
                TrainingState state = point.state();
                Recipe recipe = state.recipe().resumedWith(changes);
                if (!changes.isEmpty()) {
                    SettingChecks.rejectIgnored(recipe);
                }
                if (recipe.epochs() < state.epochsDone()) {
                    throw SettingException.of(
                            "\"epochs\" must be at least %s, which the run has already"
                                    + " completed. Received: %s.",
                            state.epochsDone(), recipe.epochs());
                }
                Engines.require(recipe.engine());
                Examples train = RunData.limited(data.read(recipe, true), recipe);
                Examples test = RunData.limited(data.read(recipe, false), recipe);
                Map<String, Initializer> optimizer = Map.of();
                if (checkpoint == null) {
                    network = RunNetwork.fresh(recipe, train);
                } else {
                    network = checkpoint.network(Devices.of(recipe.device()), false);
                    optimizer = checkpoint.optimizerState();
                }
                TrainingPlan plan =
                        TrainingPlan.check(
                                state.with(recipe),
                                network,
                                train,
                                RunData.limited(data.validation(), recipe),
                                test,
                                true);
                requireSameNames(network, train);
                Trainer trainer = new Trainer(plan, optimizer, folder);
                String warning = recallBest(trainer, point.warning());
                folder.begin(contents(plan), state.history());
                if (state.isEpochsEnd()) {
                    // the run may have been killed before it kept this epoch
                    folder.checkpoints().keepEpoch(point.file(), state.epochsDone(), recipe.keep());
                }
                return new TrainingRun(
                        recipe, network, folder, trainer, state.history().size(), warning);
            }
        } catch (IOException failure) {
            release(network, folder);
            throw RunFolder.unwritable(place, failure);
        } catch (RuntimeException | Error failure) {
            release(network, folder);
            throw failure;
        }
    }

    private static RunContents contents(TrainingPlan plan) {
        return new RunContents(
                plan.recipe(),
                plan.selection(),
                plan.metricColumns(),
                Versions.of(plan.network().manager().getEngine()));
    }

    /** Rejects different class names; unnamed classes are numbered. */
    private static void requireSameNames(Network network, Examples train) {
        List<String> names = train.classNames();
        List<String> ofRun = network.classNames();
        if (!DataChecks.areNumbers(names)
                && !DataChecks.areNumbers(ofRun)
                && !names.equals(ofRun.subList(0, names.size()))) {
            throw UserException.of(
                    "The class names differ from those of the run. Received: %s. Allowed: "
                            + "%s. Omit the names, or give those of the run.",
                    String.join(", ", names), String.join(", ", ofRun));
        }
    }

    /** Reads the best weights, which are optional, and returns any warnings. */
    private static String recallBest(Trainer trainer, String warning) {
        try {
            trainer.recallBest();
            return warning;
        } catch (UserException unreadable) {
            return joined(
                    warning,
                    unreadable.getMessage(),
                    "Resuming without the best weights: unless a better epoch follows, the run"
                            + " ends with its last weights.");
        }
    }

    /** Joins warnings, of which any may be null; null if there are none. */
    private static String joined(String... warnings) {
        String all = Stream.of(warnings).filter(Objects::nonNull).collect(Collectors.joining(" "));
        return all.isEmpty() ? null : all;
    }

    /** Returns a warning if augmentations crop images after the network's preprocessing. */
    private static String cropsResized(Recipe recipe, Network network, Examples train) {
        ImageShape input = network.specification().preprocessing().output(train.shape());
        if (!recipe.augment().cropsLate() || input.equals(train.shape())) {
            return null;
        }
        return "\"augment\" %s: resized-crop crops the original image only if it is first, else the resized image. Put it first."
                .formatted(recipe.augment());
    }

    /**
     * Returns the preprocessing of a run's images.
     *
     * @param recipe the recipe
     * @param train the run's data before the split
     * @return the preprocessing
     * @throws UserException if a setting does not fit the data, or the weights cannot be read
     */
    public static Preprocessing preprocessing(Recipe recipe, Examples train) {
        return RunNetwork.preprocessing(recipe, train);
    }

    private static void release(Network network, RunFolder folder) {
        if (network != null) {
            network.close();
        }
        if (folder != null) {
            folder.close();
        }
    }
}
