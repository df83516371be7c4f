package org.djlresnet.training;

import ai.djl.Device;
import ai.djl.training.initializer.Initializer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.djlresnet.UserException;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.data.Datasets;
import org.djlresnet.data.Examples;
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
 * A run made ready: data read and checked, network made, folder made.
 *
 * @param recipe the recipe
 * @param network the network that is trained
 * @param folder the run's folder, or null if nothing is kept
 * @param trainer the loop, not begun
 * @param rowsBefore the epochs that were done before
 * @param warning what the user should know of, or null
 */
public record TrainingRun(
        Recipe recipe,
        Network network,
        RunFolder folder,
        Trainer trainer,
        int rowsBefore,
        String warning) {

    /** Where the examples come from. */
    private interface Data {
        Examples read(Recipe recipe, boolean train);
    }

    /**
     * Makes a run on a named data set ready.
     *
     * @param recipe the recipe
     * @param dataDir the folder of the data that come with the library, used when the recipe names
     *     none
     * @param runDir the run's folder, or null for {@code runs/<date>-<model>-<dataset>}
     * @return the run
     * @throws UserException if something that was asked for is not there or does not fit
     */
    public static TrainingRun prepare(Recipe recipe, Path dataDir, Path runDir) {
        return begin(recipe, named(dataDir), true, runDir);
    }

    /**
     * Makes a run on arrays ready.
     *
     * @param recipe the recipe; its data set is recorded as "arrays"
     * @param train the training data
     * @param test the test data
     * @param runDir the run's folder, or null to keep nothing
     * @return the run
     * @throws UserException if something that was asked for is not there or does not fit
     */
    public static TrainingRun prepare(Recipe recipe, Examples train, Examples test, Path runDir) {
        return begin(
                recipe.with("dataset", Recipe.ARRAYS), arrays(train, test), runDir != null, runDir);
    }

    /**
     * Makes a run on a named data set ready to go on from where it stopped.
     *
     * @param from a run folder, or a checkpoint in one; the run goes on in that folder
     * @param changes settings to change, of those that leave the result as it is
     * @param dataDir the folder of the data that come with the library
     * @return the run
     * @throws UserException if there is nothing to go on from, or something does not fit
     */
    public static TrainingRun resume(Path from, Map<String, ?> changes, Path dataDir) {
        return goOn(from, changes, named(dataDir));
    }

    /**
     * Makes a run on arrays ready to go on from where it stopped.
     *
     * @param from a run folder, or a checkpoint in one; the run goes on in that folder
     * @param changes settings to change, of those that leave the result as it is
     * @param train the training data of the run
     * @param test the test data of the run
     * @return the run
     * @throws UserException if there is nothing to go on from, or something does not fit
     */
    public static TrainingRun resume(
            Path from, Map<String, ?> changes, Examples train, Examples test) {
        return goOn(from, changes, arrays(train, test));
    }

    private static Data arrays(Examples train, Examples test) {
        return (any, training) -> training ? train : test;
    }

    private static Data named(Path dataDir) {
        return (recipe, train) -> {
            if (recipe.dataset().equals(Recipe.ARRAYS)) {
                throw new UserException(
                        "The data set \"arrays\" is what a run on arrays is recorded as; give the"
                                + " arrays, or name one of "
                                + String.join(", ", Datasets.names()));
            }
            Path folder = recipe.dataDir() == null ? dataDir : Path.of(recipe.dataDir());
            return Datasets.read(recipe.dataset(), folder, train);
        };
    }

    private static TrainingRun begin(Recipe recipe, Data data, boolean keep, Path runDir) {
        Engines.require(recipe.engine());
        Examples train = limited(data.read(recipe, true), recipe);
        Examples test = limited(data.read(recipe, false), recipe);
        Network network = fresh(recipe, train);
        RunFolder folder = null;
        try {
            TrainingPlan plan =
                    TrainingPlan.check(TrainingState.beginning(recipe), network, train, test, keep);
            // the folder comes last, so that a mistake elsewhere leaves none behind
            folder = keep ? RunFolder.create(runDir, contents(plan)) : null;
            Trainer trainer = new Trainer(plan, Map.of(), folder);
            return new TrainingRun(
                    recipe, network, folder, trainer, 0, preparesOtherwise(recipe, network, train));
        } catch (RuntimeException | Error failure) {
            release(network, folder);
            throw failure;
        }
    }

    private static TrainingRun goOn(Path from, Map<String, ?> changes, Data data) {
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
                    throw new SettingException(
                            String.format(
                                    "\"epochs\" must be at least %d, which the run has already."
                                            + " Received: %d.",
                                    state.epochsDone(), recipe.epochs()));
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
                                    Devices.of(recipe.device()));
                    optimizer = checkpoint.optimizerState();
                }
                TrainingPlan plan =
                        TrainingPlan.check(state.with(recipe), network, train, test, true);
                requireSameNames(network, train);
                Trainer trainer = new Trainer(plan, optimizer, folder);
                String warning = recallBest(trainer, point.warning());
                folder.begin(contents(plan), state.history());
                if (state.isEpochsEnd()) {
                    // a kill may have come between the checkpoint and this
                    folder.checkpoints().keepEpoch(point.file(), state.epochsDone(), recipe.keep());
                }
                return new TrainingRun(
                        recipe, network, folder, trainer, state.history().size(), warning);
            }
        } catch (IOException failure) {
            release(network, folder);
            throw new UserException(
                    "Cannot write to the run folder " + place + ": " + failure, failure);
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

    /** Refuses other names for the classes; numbers are what classes without names have. */
    private static void requireSameNames(Network network, Examples train) {
        List<String> names = train.classNames();
        List<String> ofRun = network.classNames();
        if (!areNumbers(names)
                && !areNumbers(ofRun)
                && !names.equals(ofRun.subList(0, names.size()))) {
            throw new UserException(
                    "The classes are named "
                            + String.join(", ", names)
                            + ", but in the run "
                            + String.join(", ", ofRun)
                            + ". Give no names, or those");
        }
    }

    private static boolean areNumbers(List<String> names) {
        return IntStream.range(0, names.size())
                .allMatch(i -> names.get(i).equals(Integer.toString(i)));
    }

    /** A run can continue without its best weights; returns what to warn of. */
    private static String recallBest(Trainer trainer, String warning) {
        try {
            trainer.recallBest();
            return warning;
        } catch (UserException unreadable) {
            return (warning == null ? "" : warning + ". ")
                    + unreadable.getMessage()
                    + ". Going on without; unless a better epoch comes, the run ends with its last"
                    + " weights in place of its best";
        }
    }

    private static Network fresh(Recipe recipe, Examples train) {
        Device device = Devices.of(recipe.device());
        if (recipe.weights() != null) {
            try (StateFile file = StateFile.open(Path.of(recipe.weights()))) {
                if (file.model() != null && !file.model().equals(recipe.model())) {
                    throw new SettingException(
                            String.format(
                                    "\"weights\" holds a %1$s. Received: \"model\" %2$s. Give"
                                            + " \"model\" %1$s.",
                                    file.model(), recipe.model()));
                }
                Preprocessing ofWeights = file.preprocessing(recipe.model());
                return file.network(specification(recipe, train, ofWeights), device);
            }
        }
        return Network.create(specification(recipe, train, null), recipe.seed(), device);
    }

    /** Returns what to warn of where weights, rather than the data, set the images' size. */
    private static String preparesOtherwise(Recipe recipe, Network network, Examples train) {
        ImageShape input = network.specification().preprocessing().output(train.shape());
        if (recipe.weights() == null || recipe.imageSize() != null || input.equals(train.shape())) {
            return null;
        }
        return String.format(
                "Images are prepared as the weights expect: %d\u00d7%d pixels. \"image_size\" sets"
                        + " another size",
                input.height(), input.width());
    }

    private static Specification specification(
            Recipe recipe, Examples train, Preprocessing ofWeights) {
        return Specification.forTraining(recipe.model(), train, recipe.imageSize(), ofWeights);
    }

    /** A run of an earlier version prepared images as fresh weights do, and did not record it. */
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
        return recipe.limit() == null ? dataset : dataset.limit(recipe.limit());
    }
}
