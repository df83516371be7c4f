package org.djlresnet.recipe;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.djlresnet.UserException;

/**
 * Every setting of a training run, checked.
 *
 * <p>A recipe is written as one JSON object. Settings that it lacks have the defaults of {@code
 * settings.json}, which are the book's: {@code d2l-resnet18} on Fashion-MNIST, 10 epochs, batches
 * of 256, plain SGD with a learning rate of 0.05.
 */
public final class Recipe {

    /** What stands for a data set's name where a run is on arrays, which have none. */
    public static final String ARRAYS = "arrays";

    private static final Gson PRETTY =
            new GsonBuilder().setPrettyPrinting().serializeNulls().disableHtmlEscaping().create();

    private final JsonObject values;

    private Recipe(JsonObject values) {
        this.values = values;
    }

    /**
     * Reads and checks a recipe.
     *
     * @param json a JSON object, possibly empty
     * @return the recipe with all defaults filled in
     * @throws SettingException if it has an unknown setting, or values that are not allowed
     * @throws UserException if it is no JSON object
     */
    public static Recipe fromJson(String json) {
        JsonObject values = Settings.defaults();
        RecipeReader.read(json)
                .forEach((name, value) -> values.add(name, Settings.checked(name, value)));
        Recipe recipe = new Recipe(values);
        if (recipe.nesterov() && recipe.momentum() == 0) {
            throw new SettingException("\"nesterov\" needs \"momentum\" above 0. Received: 0.");
        }
        if (recipe.warmupEpochs() >= recipe.epochs() && recipe.warmupEpochs() > 0) {
            throw new SettingException(
                    String.format(
                            "\"warmup_epochs\" must be below \"epochs\". Received: %d and %d.",
                            recipe.warmupEpochs(), recipe.epochs()));
        }
        return recipe;
    }

    /**
     * Reads a setting's value that was written without quotes, as on a command line.
     *
     * @param name the setting's name
     * @param text its value
     * @return the value, not checked
     */
    public static JsonElement parse(String name, String text) {
        return Settings.parse(name, text);
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
     * Returns the recipe as a JSON tree.
     *
     * @return a copy
     */
    public JsonObject toTree() {
        return values.deepCopy();
    }

    /**
     * Changes one setting.
     *
     * @param name the setting's name
     * @param value its new value
     * @return a new recipe
     * @throws SettingException if the name or the value is not allowed
     */
    public Recipe with(String name, JsonElement value) {
        JsonObject changed = toTree();
        changed.add(name, value);
        return fromJson(changed.toString());
    }

    /**
     * Changes a recipe whose run is under way, where that does not change what the run computes.
     *
     * @param changes settings by name
     * @return the recipe to resume with
     * @throws SettingException if a change is not allowed, or would make another run of it; the
     *     message names them all
     */
    public Recipe resumedWith(JsonObject changes) {
        JsonObject changed = toTree();
        List<String> refused = new ArrayList<>();
        for (String name : changes.keySet()) {
            JsonElement value = Settings.checked(name, changes.get(name));
            if (Settings.resumable().contains(name)) {
                changed.add(name, value);
            } else if (!value.equals(values.get(name))) {
                refused.add(
                        String.format(
                                "\"%s\" %s (it is %s)",
                                name, Setting.shown(value), Setting.shown(values.get(name))));
            }
        }
        if (!refused.isEmpty()) {
            throw new SettingException(
                    String.format(
                            "A resumed run keeps these settings: %s. Allowed to change: %s.",
                            String.join(", ", refused),
                            Settings.resumable().stream()
                                    .map(name -> '"' + name + '"')
                                    .collect(Collectors.joining(", "))));
        }
        Recipe recipe = fromJson(changed.toString());
        boolean bound = schedule().equals("cosine") || schedule().equals("one-cycle");
        if (bound && recipe.epochs() != epochs()) {
            throw new SettingException(
                    String.format(
                            "\"epochs\" cannot change in a resumed run with the schedule '%s', which"
                                    + " depends on it from the first step. Received: %d. Allowed:"
                                    + " %d. Start a new run.",
                            schedule(), recipe.epochs(), epochs()));
        }
        return recipe;
    }

    /**
     * Returns the settings that may change while a run is under way.
     *
     * @return settings by name
     */
    public JsonObject resumable() {
        JsonObject settings = new JsonObject();
        Settings.resumable().forEach(name -> settings.add(name, values.get(name)));
        return settings;
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

    /** Returns the folder of the data, or null for the data that come with the library. */
    public String dataDir() {
        return optionalText("data_dir");
    }

    /** Returns the number of passes over the training data. */
    public int epochs() {
        return value("epochs").getAsInt();
    }

    /** Returns the number of examples in a batch. */
    public int batchSize() {
        return value("batch_size").getAsInt();
    }

    /** Returns the learning rate, at the peak of the schedule. */
    public double lr() {
        return value("lr").getAsDouble();
    }

    /** Returns the momentum, 0 for none. */
    public double momentum() {
        return value("momentum").getAsDouble();
    }

    /** Returns whether the momentum is Nesterov's. */
    public boolean nesterov() {
        return value("nesterov").getAsBoolean();
    }

    /** Returns the factor of the weights that is added to their gradients. */
    public double weightDecay() {
        return value("weight_decay").getAsDouble();
    }

    /** Returns whether biases and the scales of batch normalization decay too. */
    public boolean decayBiasAndNorm() {
        return value("decay_bias_and_norm").getAsBoolean();
    }

    /** Returns the name of the learning rate's schedule. */
    public String schedule() {
        return value("schedule").getAsString();
    }

    /** Returns the number of epochs over which the learning rate rises linearly to its schedule. */
    public int warmupEpochs() {
        return value("warmup_epochs").getAsInt();
    }

    /** Returns the number of epochs between two steps of the step schedule. */
    public int stepEpochs() {
        return value("step_epochs").getAsInt();
    }

    /** Returns the factor of a step of the step schedule. */
    public double stepFactor() {
        return value("step_factor").getAsDouble();
    }

    /** Returns the file whose weights the run begins with, or null for fresh ones. */
    public String weights() {
        return optionalText("weights");
    }

    /** Returns the height and width that images are resized to, or null to leave them. */
    public Integer imageSize() {
        return optionalInt("image_size");
    }

    /** Returns the greatest number of examples of each part of the data, or null for all. */
    public Integer limit() {
        return optionalInt("limit");
    }

    /** Returns the seed of the weights and of the order of the data. */
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

    /** Returns the number of threads of the engine, or null for its own choice. */
    public Integer threads() {
        return optionalInt("threads");
    }

    /**
     * Returns after how many steps, or with an s after how many seconds, {@code last} is written
     * within an epoch; null for epochs' ends alone.
     */
    public String checkpointEvery() {
        return optionalText("checkpoint_every");
    }

    /** Returns the number of epochs whose checkpoints are kept besides last and best. */
    public int keep() {
        return value("keep").getAsInt();
    }

    /** Returns after how many epochs without a better accuracy the run ends, or null for never. */
    public Integer patience() {
        return optionalInt("patience");
    }

    /** Returns the increase of accuracy that counts as better. */
    public double minDelta() {
        return value("min_delta").getAsDouble();
    }

    /** Returns how many epochs without a lower loss the plateau schedule waits. */
    public int plateauEpochs() {
        return value("plateau_epochs").getAsInt();
    }

    /** Returns the factor by which the plateau schedule lowers the rate. */
    public double plateauFactor() {
        return value("plateau_factor").getAsDouble();
    }

    /**
     * Returns the probability that a training step drops the last residual block, 0 for none; that
     * of the others grows linearly to it.
     */
    public double stochasticDepth() {
        return value("stochastic_depth").getAsDouble();
    }

    /** Returns whether the time of a step is attributed to its parts. */
    public boolean profile() {
        return value("profile").getAsBoolean();
    }

    /** Returns the fraction of the training data that is held out for validation, or null. */
    public Double validationFraction() {
        return isNumber("validation") ? value("validation").getAsDouble() : null;
    }

    /** Returns the file that lists the training examples held out for validation, or null. */
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
