package org.djlresnet.recipe;

import com.google.gson.JsonElement;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Builds a {@link Recipe}. Every setting is optional.
 *
 * <pre>
 * Recipe recipe = Recipe.builder().optModel("resnet18").optEpochs(3).optLr(0.1).build();
 * </pre>
 */
public final class RecipeBuilder {

    private final Map<String, JsonElement> given = new LinkedHashMap<>();

    RecipeBuilder() {}

    /**
     * Sets any setting by the name that it has in JSON, such as {@code "plateau_factor"}.
     *
     * @param name its name
     * @param value a String, Boolean or Number, or null
     * @return this builder
     */
    public RecipeBuilder opt(String name, Object value) {
        given.put(name, Settings.tree(value));
        return this;
    }

    /**
     * Sets any setting to a value written as on a command line, without quotes.
     *
     * @param name its name
     * @param text its value
     * @return this builder
     */
    public RecipeBuilder optText(String name, String text) {
        given.put(name, Settings.parse(name, text));
        return this;
    }

    /** Sets the network's name, such as {@code resnet18}. */
    public RecipeBuilder optModel(String model) {
        return opt("model", model);
    }

    /** Sets the data set's name, such as {@code cifar-10}. */
    public RecipeBuilder optDataset(String dataset) {
        return opt("dataset", dataset);
    }

    /** Sets the data set's folder. */
    public RecipeBuilder optDataDir(String folder) {
        return opt("data_dir", folder);
    }

    /** Sets the number of epochs. */
    public RecipeBuilder optEpochs(int epochs) {
        return opt("epochs", epochs);
    }

    /** Sets the batch size. */
    public RecipeBuilder optBatchSize(int batchSize) {
        return opt("batch_size", batchSize);
    }

    /** Sets the peak learning rate. */
    public RecipeBuilder optLr(double lr) {
        return opt("lr", lr);
    }

    /** Sets the momentum. */
    public RecipeBuilder optMomentum(double momentum) {
        return opt("momentum", momentum);
    }

    /** Sets whether SGD uses Nesterov momentum. */
    public RecipeBuilder optNesterov(boolean nesterov) {
        return opt("nesterov", nesterov);
    }

    /** Sets the weight decay. */
    public RecipeBuilder optWeightDecay(double weightDecay) {
        return opt("weight_decay", weightDecay);
    }

    /** Sets the learning rate schedule's name, such as {@code cosine}. */
    public RecipeBuilder optSchedule(String schedule) {
        return opt("schedule", schedule);
    }

    /** Sets the number of epochs of linear warm-up. */
    public RecipeBuilder optWarmupEpochs(int epochs) {
        return opt("warmup_epochs", epochs);
    }

    /** Sets the objective, such as {@code gaussian} for an autoencoder. */
    public RecipeBuilder optObjective(String objective) {
        return opt("objective", objective);
    }

    /** Sets the number of latent dimensions of an autoencoder. */
    public RecipeBuilder optLatentDim(int dimensions) {
        return opt("latent_dim", dimensions);
    }

    /** Sets whether an autoencoder is conditional on the class. */
    public RecipeBuilder optConditional(boolean conditional) {
        return opt("conditional", conditional);
    }

    /** Sets the file of the initial weights. */
    public RecipeBuilder optWeights(String file) {
        return opt("weights", file);
    }

    /** Sets the height and width to resize images to. */
    public RecipeBuilder optImageSize(int pixels) {
        return opt("image_size", pixels);
    }

    /** Sets the maximum number of training and of test examples. */
    public RecipeBuilder optLimit(int examples) {
        return opt("limit", examples);
    }

    /** Sets the seed of the weights and of the order of the examples. */
    public RecipeBuilder optSeed(long seed) {
        return opt("seed", seed);
    }

    /** Sets the engine, {@code pytorch} or {@code mxnet}. */
    public RecipeBuilder optEngine(String engine) {
        return opt("engine", engine);
    }

    /** Sets the device: {@code auto}, {@code cpu}, {@code gpu} or {@code gpu:N}. */
    public RecipeBuilder optDevice(String device) {
        return opt("device", device);
    }

    /** Sets the number of epochs without improvement after which the run stops. */
    public RecipeBuilder optPatience(int epochs) {
        return opt("patience", epochs);
    }

    /** Sets the fraction of the training data to hold out for validation. */
    public RecipeBuilder optValidation(double fraction) {
        return opt("validation", fraction);
    }

    /**
     * Builds the recipe.
     *
     * @return the recipe with all defaults filled in
     * @throws SettingException if a setting is unknown or its value is not allowed
     */
    public Recipe build() {
        return Recipe.of(given);
    }
}
