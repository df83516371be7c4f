package org.djlresnet.training;

import ai.djl.Device;
import ai.djl.engine.Engine;
import com.google.gson.JsonPrimitive;
import java.nio.file.Path;
import org.djlresnet.UserException;
import org.djlresnet.data.Datasets;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.engine.Devices;
import org.djlresnet.engine.Versions;
import org.djlresnet.model.Network;
import org.djlresnet.recipe.Recipe;

/**
 * A run made ready: data read and checked, network made, folder made.
 *
 * @param recipe the recipe
 * @param network the network that is trained
 * @param folder the run's folder, or null if nothing is kept
 * @param trainer the loop, not begun
 */
public record TrainingRun(Recipe recipe, Network network, RunFolder folder, Trainer trainer) {

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
        if (recipe.dataset().equals(Recipe.ARRAYS)) {
            throw new UserException(
                    "The data set \"arrays\" is what a run on arrays is recorded as; name one of "
                            + String.join(", ", Datasets.names()));
        }
        Path folder = recipe.dataDir() == null ? dataDir : Path.of(recipe.dataDir());
        ImageDataset train = limited(Datasets.read(recipe.dataset(), folder, true), recipe);
        ImageDataset test = limited(Datasets.read(recipe.dataset(), folder, false), recipe);
        return prepare(recipe, train, test, true, runDir);
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
    public static TrainingRun prepare(
            Recipe recipe, ImageDataset train, ImageDataset test, Path runDir) {
        return prepare(
                recipe.with("dataset", new JsonPrimitive(Recipe.ARRAYS)),
                limited(train, recipe),
                limited(test, recipe),
                runDir != null,
                runDir);
    }

    private static TrainingRun prepare(
            Recipe recipe, ImageDataset train, ImageDataset test, boolean keep, Path runDir) {
        requireEngine(recipe);
        Device device = Devices.of(recipe.device());
        Network network =
                Network.create(
                        recipe.model(),
                        train.channels(),
                        train.classNames(),
                        recipe.seed(),
                        device);
        try {
            // the folder comes last, so that a mistake elsewhere leaves none behind
            new Trainer(recipe, network, train, test, null);
            RunFolder folder =
                    keep
                            ? RunFolder.create(
                                    runDir, recipe, Versions.toJson(network.manager().getEngine()))
                            : null;
            return new TrainingRun(
                    recipe, network, folder, new Trainer(recipe, network, train, test, folder));
        } catch (RuntimeException | Error failure) {
            network.close();
            throw failure;
        }
    }

    /** An engine cannot be changed in a process, and a recipe must not tell of another. */
    private static void requireEngine(Recipe recipe) {
        String running = Engine.getInstance().getEngineName();
        if (!running.equalsIgnoreCase(recipe.engine())) {
            throw new UserException(
                    "The recipe asks for the engine \""
                            + recipe.engine()
                            + "\", but this process runs "
                            + running
                            + ". Start another one for it");
        }
    }

    private static ImageDataset limited(ImageDataset dataset, Recipe recipe) {
        Integer limit = recipe.limit();
        return limit == null || limit >= dataset.size() ? dataset : dataset.limit(limit);
    }
}
