package org.djlresnet.recipe;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.ToNumberPolicy;
import com.google.gson.reflect.TypeToken;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.djlresnet.UserException;
import org.djlresnet.augment.Augmentations;
import org.djlresnet.engine.Precision;

/**
 * All settings of a training run, validated.
 *
 * <p>{@link #builder()} makes a recipe in code, {@link #fromJson} reads one. Settings that are not
 * given have the defaults of {@code settings.json}, which are the book's: {@code d2l-resnet18} on
 * Fashion-MNIST, 10 epochs, batches of 256, plain SGD with a learning rate of 0.05.
 */
public final class Recipe {

    /** The data set's name in the recipe of a run on arrays. */
    public static final String ARRAYS = "arrays";

    /** The start of a data set's name that is a folder of images. */
    public static final String FOLDER = "folder:";

    private static final Gson GSON =
            new GsonBuilder()
                    .serializeNulls()
                    .disableHtmlEscaping()
                    .setObjectToNumberStrategy(ToNumberPolicy.LONG_OR_DOUBLE)
                    .create();
    private static final Gson PRETTY = GSON.newBuilder().setPrettyPrinting().create();

    private final JsonObject values;

    private Recipe(JsonObject values) {
        this.values = values;
    }

    /**
     * Returns a builder, in which every setting has its default.
     *
     * @return a new builder
     */
    public static RecipeBuilder builder() {
        return new RecipeBuilder();
    }

    /**
     * Reads a recipe.
     *
     * @param json a JSON object, possibly empty
     * @return the recipe with all defaults filled in
     * @throws SettingException if a setting is unknown or its value is not allowed
     * @throws UserException if the text is not a JSON object
     */
    public static Recipe fromJson(String json) {
        return of(RecipeReader.read(json));
    }

    static Recipe of(Map<String, JsonElement> given) {
        JsonObject values = Settings.defaults();
        given.forEach((name, value) -> values.add(name, Settings.checked(name, value)));
        Recipe recipe = new Recipe(values);
        RecipeChecks.requireConsistent(recipe);
        return recipe;
    }

    /**
     * Writes the recipe with every setting.
     *
     * @return a JSON object
     */
    public String toJson() {
        return PRETTY.toJson(values);
    }

    /**
     * Returns every setting.
     *
     * @return values by name: a String, Boolean, Long, Double or List of Strings, or null
     */
    public Map<String, Object> toMap() {
        return GSON.fromJson(values, new TypeToken<Map<String, Object>>() {}.getType());
    }

    /**
     * Changes one setting.
     *
     * @param name its name
     * @param value its new value: a String, Boolean or Number, or null
     * @return a new recipe
     * @throws SettingException if the name or the value is not allowed
     */
    public Recipe with(String name, Object value) {
        JsonObject changed = values.deepCopy();
        changed.add(name, Settings.tree(value));
        return of(changed.asMap());
    }

    /**
     * Changes settings of a run to be resumed, of those that do not change what it computes.
     *
     * @param changes settings by name
     * @return the recipe to resume with
     * @throws SettingException if a change is not allowed; the message lists them all
     */
    public Recipe resumedWith(Map<String, ?> changes) {
        return RecipeChecks.resumed(this, values, changes);
    }

    /**
     * Returns whether a resumed run may change {@code epochs}.
     *
     * @return whether nothing depends on it from the first step
     */
    public boolean mayExtend() {
        return RecipeChecks.boundToEpochs(this) == null;
    }

    /**
     * Returns the settings that a resumed run may change.
     *
     * @return values by name
     */
    public Map<String, Object> resumable() {
        Map<String, Object> settings = toMap();
        settings.keySet().retainAll(Settings.resumable());
        return settings;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Recipe recipe && values.equals(recipe.values);
    }

    @Override
    public int hashCode() {
        return values.hashCode();
    }

    /** Returns the recipe as JSON in one line. */
    @Override
    public String toString() {
        return GSON.toJson(values);
    }

    private JsonElement value(String name) {
        return values.get(name);
    }

    private String optionalText(String name) {
        return value(name).isJsonNull() ? null : value(name).getAsString();
    }

    private Integer optionalInt(String name) {
        return value(name).isJsonNull() ? null : value(name).getAsInt();
    }

    /** Returns the network's name. */
    public String model() {
        return value("model").getAsString();
    }

    /** Returns the data set's name. */
    public String dataset() {
        return value("dataset").getAsString();
    }

    /** Returns whether the data set is a folder of images, whose path follows {@link #FOLDER}. */
    public boolean isFolder() {
        return dataset().startsWith(FOLDER);
    }

    /** Returns whether images that cannot be decoded are left out. */
    public boolean skipBad() {
        return value("skip_bad").getAsBoolean();
    }

    /** Returns the data set's folder, or null for the bundled data. */
    public String dataDir() {
        return optionalText("data_dir");
    }

    /** Returns whether to normalize images by the training data's mean and deviation. */
    public boolean normalize() {
        return value("normalize").getAsBoolean();
    }

    /**
     * Returns the mean and the deviation of each channel, to normalize by instead of measured ones:
     * two rows, or none.
     */
    public double[][] normalizeBy() {
        String text = optionalText("normalize_by");
        return text == null
                ? new double[0][]
                : Stream.of(text.split("/"))
                        .map(part -> Stream.of(part.split(",")))
                        .map(part -> part.mapToDouble(Double::parseDouble).toArray())
                        .toArray(double[][]::new);
    }

    /** Returns the number of passes over the training data. */
    public int epochs() {
        return value("epochs").getAsInt();
    }

    /** Returns the number of examples in a batch. */
    public int batchSize() {
        return value("batch_size").getAsInt();
    }

    /** Returns the optimizer's name. */
    public String optimizer() {
        return value("optimizer").getAsString();
    }

    /** Returns the augmentations of training images, possibly none. */
    public Augmentations augment() {
        List<String> texts = new ArrayList<>();
        value("augment").getAsJsonArray().forEach(text -> texts.add(text.getAsString()));
        return Augmentations.of(texts);
    }

    /** Returns the peak learning rate. */
    public double lr() {
        return value("lr").getAsDouble();
    }

    /** Returns the momentum, 0 for none. */
    public double momentum() {
        return value("momentum").getAsDouble();
    }

    /** Returns whether SGD uses Nesterov momentum. */
    public boolean nesterov() {
        return value("nesterov").getAsBoolean();
    }

    /** Returns Muon's momentum for the weights of convolutions. */
    public double muonMomentum() {
        return value("muon_momentum").getAsDouble();
    }

    /** Returns the decay of the mean of gradients in Adam and AdamW. */
    public double beta1() {
        return value("beta1").getAsDouble();
    }

    /** Returns the decay of the mean of squared gradients in Adam and AdamW. */
    public double beta2() {
        return value("beta2").getAsDouble();
    }

    /** Returns LARS's trust coefficient. */
    public double larsTrust() {
        return value("lars_trust").getAsDouble();
    }

    /** Returns the weight decay. */
    public double weightDecay() {
        return value("weight_decay").getAsDouble();
    }

    /** Returns whether weight decay applies to biases and batch normalization. */
    public boolean decayBiasAndNorm() {
        return value("decay_bias_and_norm").getAsBoolean();
    }

    /** Returns the factors of the learning rate by parameters, or null for 1. */
    public String lrScales() {
        return optionalText("lr_scales");
    }

    /** Returns the factors of the weight decay by parameters, or null for 1. */
    public String decayScales() {
        return optionalText("decay_scales");
    }

    /** Returns which parameters are frozen in which epochs, or null for none. */
    public String freeze() {
        return optionalText("freeze");
    }

    /** Returns whether frozen batch normalization keeps its running statistics. */
    public boolean freezeStatistics() {
        return value("freeze_statistics").getAsBoolean();
    }

    /** Returns the largest norm of the gradients, 0 for no limit. */
    public double clipNorm() {
        return value("clip_norm").getAsDouble();
    }

    /** Returns the number of batches whose gradients are averaged for an update. */
    public int accumulate() {
        return value("accumulate").getAsInt();
    }

    /** Returns Lookahead's setting, {@code K:ALPHA} or {@code airbench:EPOCHS}, or null. */
    public String lookahead() {
        return optionalText("lookahead");
    }

    /** Returns the decay of the moving average of the weights, 0 for none. */
    public double emaDecay() {
        return value("ema_decay").getAsDouble();
    }

    /** Returns the number of last epochs whose weights are averaged, 0 for none. */
    public int swaEpochs() {
        return value("swa_epochs").getAsInt();
    }

    /** Returns the share of the target that is spread over all classes. */
    public double labelSmoothing() {
        return value("label_smoothing").getAsDouble();
    }

    /** Returns whether rare classes get larger weights in the loss. */
    public boolean balancesClasses() {
        return value("class_weights").isJsonPrimitive();
    }

    /** Returns the weight of each class in the loss, or null if they are not given. */
    public List<Double> classWeights() {
        return value("class_weights").isJsonArray()
                ? value("class_weights").getAsJsonArray().asList().stream()
                        .map(JsonElement::getAsDouble)
                        .toList()
                : null;
    }

    /** Returns the focal loss's exponent, 0 for cross-entropy. */
    public double focalGamma() {
        return value("focal_gamma").getAsDouble();
    }

    /** Returns the objective's name, or null for the usual one of the network. */
    public String objective() {
        return optionalText("objective");
    }

    /** Returns how the objective gaussian sets its deviation, optimal or learned. */
    public String sigma() {
        return value("sigma").getAsString();
    }

    /** Returns the weight of the KL divergence after its warm-up. */
    public double beta() {
        return value("beta").getAsDouble();
    }

    /** Returns the number of epochs over which the weight of the KL divergence rises from 0. */
    public int betaWarmupEpochs() {
        return value("beta_warmup_epochs").getAsInt();
    }

    /** Returns the KL divergence of each latent dimension that costs nothing, in nats. */
    public double freeBits() {
        return value("free_bits").getAsDouble();
    }

    /** Returns the number of latent dimensions, or null for the network's usual one. */
    public Integer latentDim() {
        return optionalInt("latent_dim");
    }

    /** Returns whether encoder and decoder are conditional on the class. */
    public boolean conditional() {
        return value("conditional").getAsBoolean();
    }

    /** Returns the learning rate schedule's name. */
    public String schedule() {
        return value("schedule").getAsString();
    }

    /** Returns the number of epochs of linear warm-up. */
    public int warmupEpochs() {
        return value("warmup_epochs").getAsInt();
    }

    /** Returns the number of epochs between two steps of the step schedule. */
    public int stepEpochs() {
        return value("step_epochs").getAsInt();
    }

    /**
     * Returns the fractions of the run after which the learning rate drops; empty if {@link
     * #stepEpochs} decides.
     */
    public double[] stepAt() {
        String text = optionalText("step_at");
        return text == null
                ? new double[0]
                : Stream.of(text.split(",")).mapToDouble(Double::parseDouble).toArray();
    }

    /** Returns the factor of a step of the step schedule. */
    public double stepFactor() {
        return value("step_factor").getAsDouble();
    }

    /** Returns the number of epochs of the first cycle of the schedule cosine-restarts. */
    public int restartEpochs() {
        return value("restart_epochs").getAsInt();
    }

    /** Returns the length of a cycle relative to the one before. */
    public int restartFactor() {
        return value("restart_factor").getAsInt();
    }

    /** Returns the first rate of the triangular schedule, as a fraction of the peak. */
    public double triangleStart() {
        return value("triangle_start").getAsDouble();
    }

    /** Returns the fraction of the updates before the peak of the triangular schedule. */
    public double trianglePeak() {
        return value("triangle_peak").getAsDouble();
    }

    /** Returns the rate at the end of the triangular schedule, as a fraction of the peak. */
    public double triangleEnd() {
        return value("triangle_end").getAsDouble();
    }

    /** Returns the file of the initial weights, or null for random ones. */
    public String weights() {
        return optionalText("weights");
    }

    /** Returns the height and width to resize images to, or null for their own size. */
    public Integer imageSize() {
        return optionalInt("image_size");
    }

    /** Returns the maximum number of training and of test examples, or null for all. */
    public Integer limit() {
        return optionalInt("limit");
    }

    /** Returns the seed of the weights and of the order of the examples. */
    public long seed() {
        return value("seed").getAsLong();
    }

    /** Returns the engine, pytorch or mxnet. */
    public String engine() {
        return value("engine").getAsString();
    }

    /** Returns the device: auto, cpu, gpu or gpu:N. */
    public String device() {
        return value("device").getAsString();
    }

    /** Returns the engine's number of CPU threads, or null for its default. */
    public Integer threads() {
        return optionalInt("threads");
    }

    /**
     * Returns how often {@code last} is written within an epoch: a number of steps, or of seconds
     * followed by s; null to write it only at the end of an epoch.
     */
    public String checkpointEvery() {
        return optionalText("checkpoint_every");
    }

    /** Returns how many epochs' checkpoints are kept in addition to last and best. */
    public int keep() {
        return value("keep").getAsInt();
    }

    /** Returns the number of epochs without improvement after which the run stops, or null. */
    public Integer patience() {
        return optionalInt("patience");
    }

    /** Returns the smallest increase of accuracy that counts as an improvement. */
    public double minDelta() {
        return value("min_delta").getAsDouble();
    }

    /** Returns the plateau schedule's patience in epochs. */
    public int plateauEpochs() {
        return value("plateau_epochs").getAsInt();
    }

    /** Returns the factor by which the plateau schedule multiplies the learning rate. */
    public double plateauFactor() {
        return value("plateau_factor").getAsDouble();
    }

    /** Returns the learning rate below which the plateau schedule does not go. */
    public double plateauMin() {
        return value("plateau_min").getAsDouble();
    }

    /**
     * Returns the probability that a training step drops the last residual block; 0 to drop none.
     * For the other blocks it grows linearly with depth.
     */
    public double stochasticDepth() {
        return value("stochastic_depth").getAsDouble();
    }

    /**
     * Returns the precision of convolutions and activations; {@code auto} is resolved, to float32
     * where the network runs as blocks.
     */
    public Precision precision() {
        String name = value("precision").getAsString();
        boolean programs = engine().equals("pytorch") && compile();
        return name.equals("auto") && !programs ? Precision.FLOAT32 : Precision.of(name);
    }

    /** Returns whether the network runs as a program where that is possible. */
    public boolean compile() {
        return value("compile").getAsBoolean();
    }

    /** Returns whether the run measures where the time of a step goes. */
    public boolean profile() {
        return value("profile").getAsBoolean();
    }

    /** Returns when the norms of gradients are recorded: none, epoch, step or a number of steps. */
    public String debugGradients() {
        return value("debug_gradients").getAsString();
    }

    /** Returns the fraction of the training data to hold out for validation, or null. */
    public Double validationFraction() {
        return isNumber("validation") ? value("validation").getAsDouble() : null;
    }

    /** Returns the file that lists the training examples to hold out, or null. */
    public String validationFile() {
        return isNumber("validation") ? null : optionalText("validation");
    }

    /**
     * Returns whether an incomplete last batch is dropped, or null to drop only one that is too
     * small for batch normalization.
     */
    public Boolean dropLast() {
        return value("drop_last").isJsonNull() ? null : value("drop_last").getAsBoolean();
    }

    private boolean isNumber(String name) {
        return value(name).isJsonPrimitive() && value(name).getAsJsonPrimitive().isNumber();
    }
}
