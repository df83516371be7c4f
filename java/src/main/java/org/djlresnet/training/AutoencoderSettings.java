package org.djlresnet.training;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.djlresnet.data.Examples;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Autoencoding;
import org.djlresnet.model.Likelihood;
import org.djlresnet.model.Models;
import org.djlresnet.model.Specification;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.recipe.SettingException;

/** The settings of autoencoders, and which settings they and classifiers lack. */
final class AutoencoderSettings {

    /** The part of the training data that an autoencoder's run holds out. */
    static final Double VALIDATION = 0.1;

    private static final String CLASSIFICATION = "classification";
    private static final String PUBLISHED = "keng2017";

    private static final List<String> OF_AUTOENCODERS =
            List.of(
                    "sigma",
                    "beta",
                    "beta_warmup_epochs",
                    "free_bits",
                    "latent_dim",
                    "conditional");

    private static final List<String> OF_CLASSIFIERS =
            List.of("normalize", "label_smoothing", "class_weights", "focal_gamma");

    private AutoencoderSettings() {}

    /** Returns whether a recipe's network is an autoencoder. */
    static boolean isAutoencoder(Recipe recipe) {
        return Models.get(recipe.model()).isAutoencoder();
    }

    /**
     * Holds out validation data, because test data must not select the best epoch.
     *
     * @param ownValidation whether the data have validation examples of their own
     */
    static Recipe withValidation(Recipe recipe, boolean ownValidation) {
        boolean chosen = recipe.validationFraction() != null || recipe.validationFile() != null;
        return !isAutoencoder(recipe) || chosen || ownValidation
                ? recipe
                : recipe.with("validation", VALIDATION);
    }

    /** Rejects settings that the network would ignore. */
    static void rejectIgnored(Recipe recipe) {
        boolean autoencoder = isAutoencoder(recipe);
        String needed = autoencoder ? "a classifier" : "an autoencoder such as vae-small";
        String objective = recipe.objective();
        if (objective != null && autoencoder == objective.equals(CLASSIFICATION)) {
            throw SettingException.of(
                    "\"objective\" %s needs %s. Received: %s. Omit \"objective\", or change \"model\".",
                    objective, needed, recipe.model());
        }
        Map<String, Object> values = recipe.toMap();
        Map<String, Object> defaults = Recipe.fromJson("{}").toMap();
        for (String name : autoencoder ? OF_CLASSIFIERS : OF_AUTOENCODERS) {
            if (!Objects.equals(values.get(name), defaults.get(name))) {
                throw SettingException.of(
                        "\"%s\" needs %s. Received: %s. Omit \"%s\", or change \"model\".",
                        name, needed, recipe.model(), name);
            }
        }
        if (autoencoder && recipe.augment().mix()) {
            throw SettingException.of(
                    "\"augment\" may not mix images for an autoencoder. Received: %s. Omit mixup and"
                            + " cutmix.",
                    recipe.augment());
        }
    }

    /** Rejects the learning rate that suits classifiers; a sweep tries rates of its own. */
    static void rejectUsualRate(Recipe recipe) {
        boolean usual = recipe.toMap().get("lr").equals(Recipe.fromJson("{}").toMap().get("lr"));
        if (usual && recipe.optimizer().equals("sgd") && isAutoencoder(recipe)) {
            String better =
                    recipe.engine().equals("mxnet")
                            ? "\"lr\" 0.0001"
                            : "\"optimizer\" adam and \"lr\" 0.001, or a lower \"lr\"";
            throw SettingException.of(
                    "\"optimizer\" sgd with \"lr\" %s, the defaults, diverges with an autoencoder. Set"
                            + " %s.",
                    recipe.lr(), better);
        }
    }

    /** Gives an autoencoder the output that a recipe describes; a classifier stays as it is. */
    static Specification complete(Specification specification, Recipe recipe, Examples train) {
        Autoencoding usual = specification.autoencoding();
        if (usual == null) {
            return specification;
        }
        Likelihood likelihood = likelihood(recipe);
        requireFit(recipe, specification.preprocessing(), likelihood, train);
        return specification.withOutput(
                new Autoencoding(
                        usual.image(),
                        recipe.latentDim() == null ? usual.latent() : recipe.latentDim(),
                        likelihood,
                        PUBLISHED.equals(recipe.objective()),
                        recipe.conditional() ? train.classNames() : List.of()));
    }

    private static Likelihood likelihood(Recipe recipe) {
        String objective = recipe.objective() == null ? "gaussian" : recipe.objective();
        return switch (objective) {
            case PUBLISHED, "bernoulli" -> Likelihood.BERNOULLI;
            case "discretized-logistic" -> Likelihood.DISCRETIZED_LOGISTIC;
            default ->
                    recipe.sigma().equals("learned")
                            ? Likelihood.GAUSSIAN
                            : Likelihood.OPTIMAL_GAUSSIAN;
        };
    }

    private static void requireFit(
            Recipe recipe, Preprocessing preprocessing, Likelihood likelihood, Examples train) {
        if (preprocessing.mean() != null) {
            throw new SettingException(
                    "An autoencoder needs images in [0, 1], but these were prepared with a"
                            + " normalization. Prepare them for \"model\" without \"weights\".");
        }
        Autoencoding.requireUnit(train);
        if (likelihood == Likelihood.DISCRETIZED_LOGISTIC
                && !Autoencoding.areBytes(train, preprocessing)) {
            String cause =
                    train.type() != PixelType.UINT8
                            ? "these are float32. Pass 0 to 255 as uint8."
                            : String.format(
                                    "\"%s\" resizes these to values in between. Omit it.",
                                    recipe.imageSize() == null ? "weights" : "image_size");
            throw new SettingException(
                    "\"objective\" discretized-logistic needs images of bytes, and " + cause);
        }
    }
}
