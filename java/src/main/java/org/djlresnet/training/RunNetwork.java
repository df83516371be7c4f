package org.djlresnet.training;

import ai.djl.Device;
import java.nio.file.Path;
import org.djlresnet.data.Examples;
import org.djlresnet.engine.Devices;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Network;
import org.djlresnet.model.Specification;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.recipe.SettingException;
import org.djlresnet.weights.StateFile;

/** The network of a run, and how it prepares images. */
final class RunNetwork {

    private RunNetwork() {}

    /** Creates the network of a new run. */
    static Network fresh(Recipe recipe, Examples train) {
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
        Examples trained = trained(recipe, train);
        Network network = Network.create(specification(recipe, train, null), recipe.seed(), device);
        network.initialize(trained);
        return network;
    }

    /** Returns a warning if the weights, not the data, determine the image size. */
    static String resized(Recipe recipe, Network network, Examples train) {
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

    /** Returns the preprocessing of a run's images. */
    static Preprocessing preprocessing(Recipe recipe, Examples train) {
        Preprocessing ofWeights = ImageFiles.preprocessingOfWeights(recipe);
        return specification(recipe, train, ofWeights).preprocessing();
    }

    private static Specification specification(
            Recipe recipe, Examples train, Preprocessing ofWeights) {
        Specification specification =
                AutoencoderSettings.complete(
                        Specification.forTraining(
                                recipe.model(), train, recipe.imageSize(), ofWeights),
                        recipe,
                        train);
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
    static Examples trained(Recipe recipe, Examples train) {
        int[] heldOut = ValidationSplit.indices(recipe, train);
        return heldOut == null
                ? train
                : train.subset(ValidationSplit.others(heldOut, train.size()));
    }
}
