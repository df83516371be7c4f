package org.djlresnet.training;

import ai.djl.Device;
import ai.djl.training.initializer.Initializer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.djlresnet.AtomicFile;
import org.djlresnet.UserException;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.data.Datasets;
import org.djlresnet.data.Examples;
import org.djlresnet.data.TrainingData;
import org.djlresnet.engine.Devices;
import org.djlresnet.engine.Engines;
import org.djlresnet.engine.Versions;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Network;
import org.djlresnet.model.Specification;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.recipe.SettingException;
import org.djlresnet.weights.StateFile;

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

    /** Reads the examples of a run. */
    private interface Data {
        Examples read(Recipe recipe, boolean train);

        /** Returns the data set's own validation examples, or null. */
        default Examples validation() {
            return null;
        }
    }

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
        return begin(recipe, named(dataDir), true, runDir);
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
                recipe.with("dataset", Recipe.ARRAYS), arrays(train, test), runDir != null, runDir);
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
        return begin(recipe, files(train, validation, test), true, runDir);
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
        return rehearse(recipe, named(dataDir));
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
        return rehearse(recipe, files(train, validation, test));
    }

    private static TrainingRun rehearse(Recipe recipe, Data data) {
        return begin(forSweep(recipe), data, false, null);
    }

    /** Leaves out what depends on epochs, which a sweep does not have. */
    private static Recipe forSweep(Recipe recipe) {
        String always =
                recipe.freeze() == null
                        ? ""
                        : Stream.of(recipe.freeze().split(" *, *"))
                                .filter(part -> !part.contains(":"))
                                .collect(Collectors.joining(","));
        return recipe.with("debug_gradients", "none")
                .with("lookahead", null)
                .with("ema_decay", 0.0)
                .with("swa_epochs", 0)
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
        return continueRun(from, changes, named(dataDir));
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
        return continueRun(from, changes, arrays(train, test));
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
        return continueRun(from, changes, files(train, validation, test));
    }

    private static Data files(Examples train, Examples validation, Examples test) {
        return new Data() {
            @Override
            public Examples read(Recipe recipe, boolean training) {
                return training ? train : test;
            }

            @Override
            public Examples validation() {
                return validation;
            }
        };
    }

    private static Data arrays(Examples train, Examples test) {
        return (any, training) -> training ? train : test;
    }

    private static Data named(Path dataDir) {
        return (recipe, train) -> {
            if (recipe.dataset().equals(Recipe.ARRAYS)) {
                throw new UserException(
                        "The data set \"arrays\" has no files. Pass the arrays, or name another data set. Allowed: "
                                + String.join(", ", Datasets.names())
                                + ".");
            }
            if (recipe.isFolder()) {
                throw UserException.of(
                        "A folder of images is decoded by Python. Received: %s. Train with: python"
                                + " -m py_djl_resnet train --dataset %1$s",
                        recipe.dataset());
            }
            Path folder = recipe.dataDir() == null ? dataDir : Path.of(recipe.dataDir());
            return Datasets.read(recipe.dataset(), folder, train);
        };
    }

    private static TrainingRun begin(Recipe given, Data data, boolean keep, Path runDir) {
        // another machine that resumes the run might choose differently
        Recipe recipe = given.with("precision", given.precision().toString());
        TrainingPlan.rejectIgnoredSettings(recipe);
        Engines.require(recipe.engine());
        Examples allTrain = data.read(recipe, true);
        Examples allTest = data.read(recipe, false);
        String classWarning = TrainingData.checkClasses(allTrain, allTest);
        Examples train = limited(allTrain, recipe);
        Examples test = limited(allTest, recipe);
        boolean keepsSize = recipe.imageSize() == null && recipe.weights() == null;
        if (keepsSize && !recipe.isFolder() && test != null) {
            TrainingData.requireSameSize(train, test);
        }
        Network network = fresh(recipe, train);
        RunFolder folder = null;
        try {
            TrainingPlan plan =
                    TrainingPlan.check(
                            TrainingState.beginning(recipe),
                            network,
                            train,
                            limited(data.validation(), recipe),
                            test,
                            keep);
            // the folder is created last, so that an error leaves none behind
            folder = keep ? RunFolder.create(runDir, contents(plan)) : null;
            Trainer trainer = new Trainer(plan, Map.of(), folder);
            String warning = joined(classWarning, preparesOtherwise(recipe, network, train));
            warning = joined(warning, TrainingPlan.neverBegins(recipe));
            warning = joined(warning, TrainingPlan.freezesRandomWeights(recipe));
            warning = joined(warning, cropsResized(recipe, network, train));
            return new TrainingRun(recipe, network, folder, trainer, 0, warning);
        } catch (RuntimeException | Error failure) {
            release(network, folder);
            throw failure;
        }
    }

    private static TrainingRun continueRun(Path from, Map<String, ?> changes, Data data) {
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
                if (recipe.epochs() < state.epochsDone()) {
                    throw SettingException.of(
                            "\"epochs\" must be at least %s, which the run has already"
                                    + " completed. Received: %s.",
                            state.epochsDone(), recipe.epochs());
                }
                Engines.require(recipe.engine());
                Examples train = limited(data.read(recipe, true), recipe);
                Examples test = limited(data.read(recipe, false), recipe);
                Map<String, Initializer> optimizer = Map.of();
                if (checkpoint == null) {
                    network = fresh(recipe, train);
                } else {
                    network =
                            checkpoint.network(
                                    specification(checkpoint, recipe, train),
                                    Devices.of(recipe.device()),
                                    false);
                    optimizer = checkpoint.optimizerState();
                }
                TrainingPlan plan =
                        TrainingPlan.check(
                                state.with(recipe),
                                network,
                                train,
                                limited(data.validation(), recipe),
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
            throw new UserException(
                    "Cannot write to the run folder "
                            + place
                            + ": "
                            + AtomicFile.reason(failure)
                            + ".",
                    failure);
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
        if (!TrainingData.areNumbers(names)
                && !TrainingData.areNumbers(ofRun)
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
            return (warning == null ? "" : warning + " ")
                    + unreadable.getMessage()
                    + " Resuming without the best weights: unless a better epoch follows, the run"
                    + " ends with its last weights.";
        }
    }

    private static Network fresh(Recipe recipe, Examples train) {
        Device device = Devices.of(recipe.device());
        if (recipe.weights() != null) {
            try (StateFile file = StateFile.open(Path.of(recipe.weights()))) {
                if (file.model() != null && !file.model().equals(recipe.model())) {
                    throw SettingException.of(
                            "\"weights\" are those of a %1$s. Received: \"model\" %2$s. Set"
                                    + " \"model\" %1$s.",
                            file.model(), recipe.model());
                }
                Preprocessing ofWeights = file.preprocessing(recipe.model());
                return file.network(specification(recipe, train, ofWeights), device);
            }
        }
        Network network = Network.create(specification(recipe, train, null), recipe.seed(), device);
        network.initialize(trained(recipe, train));
        return network;
    }

    private static String joined(String first, String second) {
        if (first == null || second == null) {
            return first == null ? second : first;
        }
        return first + " " + second;
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

    /** Returns a warning if the weights, not the data, determine the image size. */
    private static String preparesOtherwise(Recipe recipe, Network network, Examples train) {
        if (recipe.isFolder()) {
            return null;
        }
        ImageShape input = network.specification().preprocessing().output(train.shape());
        if (recipe.weights() == null || recipe.imageSize() != null || input.equals(train.shape())) {
            return null;
        }
        return "Images are resized to "
                + input.height()
                + "\u00d7"
                + input.width()
                + " pixels, as the weights require. Set \"image_size\" for another size.";
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
        Preprocessing ofWeights = ImageFiles.preprocessingOfWeights(recipe);
        return specification(recipe, train, ofWeights).preprocessing();
    }

    private static Specification specification(
            Recipe recipe, Examples train, Preprocessing ofWeights) {
        Specification specification =
                Specification.forTraining(recipe.model(), train, recipe.imageSize(), ofWeights);
        if (!recipe.normalize() || ofWeights != null) {
            return specification;
        }
        return recipe.normalizeBy().length == 0
                ? specification.normalizedBy(trained(recipe, train))
                : normalizedBy(recipe.normalizeBy(), specification);
    }

    private static Specification normalizedBy(double[][] by, Specification specification) {
        Preprocessing plain = specification.preprocessing();
        for (double[] values : by) {
            if (values.length != plain.channels()) {
                throw SettingException.of(
                        "\"normalize_by\" must have a mean and a deviation for each channel. Received: %d means"
                                + " and %d deviations. Allowed: %d of each.",
                        by[0].length, by[1].length, plain.channels());
            }
        }
        return specification.withPreprocessing(plain.normalized(c -> by[0][c], c -> by[1][c]));
    }

    /** Returns the examples that are trained on: without those held out for validation. */
    private static Examples trained(Recipe recipe, Examples train) {
        int[] heldOut = ValidationSplit.indices(recipe, train);
        return heldOut == null
                ? train
                : train.subset(ValidationSplit.others(heldOut, train.size()));
    }

    /** Adds the preprocessing, which earlier versions did not record. */
    private static Specification specification(
            Checkpoint checkpoint, Recipe recipe, Examples train) {
        Specification written = checkpoint.specification();
        return written.preprocessing() != null
                ? written
                : written.withPreprocessing(specification(recipe, train, null).preprocessing());
    }

    private static void release(Network network, RunFolder folder) {
        if (network != null) {
            network.close();
        }
        if (folder != null) {
            folder.close();
        }
    }

    private static Examples limited(Examples dataset, Recipe recipe) {
        return recipe.limit() == null || dataset == null ? dataset : dataset.limit(recipe.limit());
    }
}
