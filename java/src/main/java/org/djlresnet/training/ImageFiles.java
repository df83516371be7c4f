package org.djlresnet.training;

import java.nio.file.Path;
import org.djlresnet.UserException;
import org.djlresnet.data.Examples;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Specification;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.weights.StateFile;

/** Decides how a run prepares and splits files of images. */
public final class ImageFiles {

    private ImageFiles() {}

    /**
     * Chooses the preprocessing of a run on files of images, before they are decoded.
     *
     * @param recipe the recipe
     * @param shape the shape of all images; null if they differ in size
     * @param channels 1 if all images are grey, else 3
     * @return the preprocessing, see {@link Specification#forFiles}
     * @throws UserException if settings exclude each other, the initial weights cannot be read, or
     *     an augmentation does not suit the prepared images
     */
    public static Preprocessing preprocessing(Recipe recipe, ImageShape shape, int channels) {
        SettingChecks.rejectIgnored(recipe);
        int channelsOfWeights = 0;
        Preprocessing ofWeights = null;
        if (recipe.weights() != null) {
            try (StateFile file = StateFile.open(Path.of(recipe.weights()))) {
                channelsOfWeights = file.channels(recipe.model());
                ofWeights = file.preprocessing(recipe.model());
            }
        }
        Preprocessing chosen =
                Specification.forFiles(
                        recipe.model(),
                        shape,
                        channelsOfWeights == 0 ? channels : channelsOfWeights,
                        recipe.imageSize(),
                        ofWeights);
        recipe.augment().requireFit(chosen.output(shape), PixelType.UINT8);
        return chosen;
    }

    /**
     * Returns the preprocessing of a recipe's initial weights.
     *
     * @param recipe the recipe
     * @return the preprocessing; null if it is unknown or the weights are random
     * @throws UserException if they cannot be read
     */
    public static Preprocessing preprocessingOfWeights(Recipe recipe) {
        if (recipe.weights() == null) {
            return null;
        }
        try (StateFile file = StateFile.open(Path.of(recipe.weights()))) {
            return file.preprocessing(recipe.model());
        }
    }

    /**
     * Returns the examples that a run holds out for validation.
     *
     * @param recipe the recipe, with a validation split
     * @param train the run's data before the split
     * @return the examples
     * @throws UserException if the split is not possible
     */
    public static Examples heldOut(Recipe recipe, Examples train) {
        Examples used = RunData.limited(train, recipe);
        return used.subset(ValidationSplit.indices(recipe, used));
    }

    /**
     * Returns the examples that a run is trained on.
     *
     * @param recipe the recipe
     * @param train the run's data before the split
     * @return the first {@code limit}, without those held out for validation
     * @throws UserException if the split is not possible
     */
    public static Examples trained(Recipe recipe, Examples train) {
        Examples used = RunData.limited(train, recipe);
        return RunNetwork.trained(recipe, used);
    }
}
