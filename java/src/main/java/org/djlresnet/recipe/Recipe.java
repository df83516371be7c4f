package org.djlresnet.recipe;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.djlresnet.UserException;

/**
 * Every setting of a training run, checked.
 *
 * <p>A recipe is written as one JSON object. Keys that it lacks have the book's values: {@code
 * d2l-resnet18} on Fashion-MNIST, 10 epochs, batches of 256, plain SGD with a learning rate of
 * 0.05.
 */
public final class Recipe {

    /** What stands for a data set's name where a run is on arrays, which have none. */
    public static final String ARRAYS = "arrays";

    private static final List<String> RESUMABLE =
            List.of(
                    "epochs",
                    "device",
                    "threads",
                    "data_dir",
                    "checkpoint_every",
                    "keep",
                    "profile");
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
     * @throws UserException if it is no JSON object, has an unknown or doubled key or a bad value;
     *     the message names the key, the value and what is allowed
     */
    public static Recipe fromJson(String json) {
        JsonObject values = Settings.defaults();
        RecipeReader.read(json)
                .forEach(
                        (key, value) -> {
                            Settings.check(key, value);
                            values.add(key, value);
                        });
        Recipe recipe = new Recipe(values);
        if (recipe.nesterov() && recipe.momentum() == 0) {
            throw new UserException(
                    "Bad value for \"nesterov\": true. Nesterov's momentum needs \"momentum\" above"
                            + " 0; it is 0");
        }
        if (recipe.warmupEpochs() >= recipe.epochs() && recipe.warmupEpochs() > 0) {
            throw new UserException(
                    "Bad value for \"warmup_epochs\": "
                            + recipe.warmupEpochs()
                            + ". Allowed: less than \"epochs\", which is "
                            + recipe.epochs());
        }
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
     * @param key the setting's key
     * @param value its new value
     * @return a new recipe
     * @throws UserException if the key or the value is not allowed
     */
    public Recipe with(String key, JsonElement value) {
        JsonObject changed = toTree();
        changed.add(key, value);
        return fromJson(changed.toString());
    }

    /**
     * @return the network's name
     */
    public String model() {
        return values.get("model").getAsString();
    }

    /**
     * @return the data set's name
     */
    public String dataset() {
        return values.get("dataset").getAsString();
    }

    /**
     * @return the folder of the data, or null for the data that come with the library
     */
    public String dataDir() {
        return optionalText("data_dir");
    }

    /**
     * @return how many times the training data are gone through
     */
    public int epochs() {
        return values.get("epochs").getAsInt();
    }

    /**
     * @return the number of examples of a batch
     */
    public int batchSize() {
        return values.get("batch_size").getAsInt();
    }

    /**
     * @return the learning rate, at the peak of the schedule
     */
    public double lr() {
        return values.get("lr").getAsDouble();
    }

    /**
     * @return the momentum, 0 for none
     */
    public double momentum() {
        return values.get("momentum").getAsDouble();
    }

    /**
     * @return whether the momentum is Nesterov's
     */
    public boolean nesterov() {
        return values.get("nesterov").getAsBoolean();
    }

    /**
     * @return the factor of the weights that is added to their gradients
     */
    public double weightDecay() {
        return values.get("weight_decay").getAsDouble();
    }

    /**
     * @return whether biases and the scales of batch normalization decay too
     */
    public boolean decayBiasAndNorm() {
        return values.get("decay_bias_and_norm").getAsBoolean();
    }

    /**
     * @return the name of the learning rate's schedule
     */
    public String schedule() {
        return values.get("schedule").getAsString();
    }

    /**
     * @return over how many epochs the learning rate rises linearly to its schedule
     */
    public int warmupEpochs() {
        return values.get("warmup_epochs").getAsInt();
    }

    /**
     * @return after how many epochs the step schedule steps
     */
    public int stepEpochs() {
        return values.get("step_epochs").getAsInt();
    }

    /**
     * @return the factor by which the step schedule steps
     */
    public double stepFactor() {
        return values.get("step_factor").getAsDouble();
    }

    /**
     * @return the file whose weights the run begins with, or null for fresh ones
     */
    public String weights() {
        return optionalText("weights");
    }

    /**
     * @return the height and width that images are resized to, or null to leave them
     */
    public Integer imageSize() {
        return optionalInt("image_size");
    }

    /**
     * @return how many examples of each part of the data are used, or null for all
     */
    public Integer limit() {
        return optionalInt("limit");
    }

    /**
     * @return the seed of the weights and of the order of the data
     */
    public long seed() {
        return values.get("seed").getAsLong();
    }

    /**
     * @return the engine, pytorch or mxnet
     */
    public String engine() {
        return values.get("engine").getAsString();
    }

    /**
     * @return the device: auto, cpu, gpu or gpu:N
     */
    public String device() {
        return values.get("device").getAsString();
    }

    /**
     * @return the number of threads of the engine, or null for its own choice
     */
    public Integer threads() {
        return optionalInt("threads");
    }

    /**
     * @return after how many steps, or with an s after how many seconds, {@code last} is written
     *     within an epoch; null for epochs' ends alone
     */
    public String checkpointEvery() {
        return optionalText("checkpoint_every");
    }

    /**
     * @return how many epochs' checkpoints are kept beside last and best
     */
    public int keep() {
        return values.get("keep").getAsInt();
    }

    /**
     * @return after how many epochs without a better test accuracy the run ends, or null for never
     */
    public Integer patience() {
        return optionalInt("patience");
    }

    /**
     * @return by how much a test accuracy must be above the best to count as better
     */
    public double minDelta() {
        return values.get("min_delta").getAsDouble();
    }

    /**
     * @return how many epochs without a lower test loss the plateau schedule waits
     */
    public int plateauEpochs() {
        return values.get("plateau_epochs").getAsInt();
    }

    /**
     * @return the factor by which the plateau schedule lowers the rate
     */
    public double plateauFactor() {
        return values.get("plateau_factor").getAsDouble();
    }

    /**
     * @return the probability that a training step drops the last residual block, 0 for none; that
     *     of the others grows linearly to it
     */
    public double stochasticDepth() {
        return values.get("stochastic_depth").getAsDouble();
    }

    /**
     * @return whether the time of a step is put down to its parts
     */
    public boolean profile() {
        return values.get("profile").getAsBoolean();
    }

    /**
     * Changes a recipe whose run is under way, where that does not change what the run computes.
     *
     * @param changes settings by key
     * @return the recipe to go on with
     * @throws UserException if a change would make another run of it; the message names them all
     */
    public Recipe resumedWith(JsonObject changes) {
        JsonObject changed = toTree();
        List<String> refused = new ArrayList<>();
        changes.entrySet()
                .forEach(
                        change -> {
                            String key = change.getKey();
                            if (RESUMABLE.contains(key) || !Settings.has(key)) {
                                changed.add(key, change.getValue());
                            } else if (!change.getValue().equals(values.get(key))) {
                                refused.add(
                                        key
                                                + "="
                                                + change.getValue()
                                                + " (it is "
                                                + values.get(key)
                                                + ")");
                            }
                        });
        if (!refused.isEmpty()) {
            throw new UserException(
                    "A run that is resumed keeps its recipe. These would change its result: "
                            + String.join(", ", refused)
                            + ". Allowed: "
                            + String.join(", ", RESUMABLE));
        }
        Recipe recipe = fromJson(changed.toString());
        boolean bound = schedule().equals("cosine") || schedule().equals("one-cycle");
        if (bound && recipe.epochs() != epochs()) {
            throw new UserException(
                    String.format(
                            "The schedule \"%s\" ends with epoch %d; with epochs=%d it would have been"
                                    + " another from the first step. Start a new run",
                            schedule(), epochs(), recipe.epochs()));
        }
        return recipe;
    }

    /**
     * Returns the settings that may change while a run is under way.
     *
     * @return settings by key
     */
    public JsonObject resumable() {
        JsonObject settings = new JsonObject();
        RESUMABLE.forEach(key -> settings.add(key, values.get(key)));
        return settings;
    }

    private String optionalText(String key) {
        JsonElement value = values.get(key);
        return value.isJsonNull() ? null : value.getAsString();
    }

    private Integer optionalInt(String key) {
        JsonElement value = values.get(key);
        return value.isJsonNull() ? null : value.getAsInt();
    }
}
