package org.djlresnet.checkpoint;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.training.initializer.Initializer;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.UserException;
import org.djlresnet.engine.Versions;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Models;
import org.djlresnet.model.Network;
import org.djlresnet.model.Specification;

/**
 * A network and the state of its run in one safetensors file.
 *
 * <p>Weights and running statistics have torchvision's names, so that any safetensors reader can
 * use them. The optimizer's state has names in {@code optimizer/…}. The metadata entry {@value
 * #KEY} is a JSON object with the keys format, model, in_channels, class_names, image_size,
 * preprocessing (null if unknown), versions, batches_tracked (PyTorch's batch counts) and, in a
 * checkpoint of a run, run: recipe, epoch, step, best, history and the sums of the current epoch.
 *
 * <p>Earlier versions wrote no preprocessing: they only resized images to image_size. They can read
 * current files, but apply neither a crop nor a normalization.
 */
public final class Checkpoint implements AutoCloseable {

    private static final String KEY = "py_djl_resnet";
    private static final int FORMAT = 1;
    private static final Gson GSON = new GsonBuilder().serializeNulls().create();

    private final Path path;
    private final SafetensorsFile file;
    private final JsonObject info;

    private Checkpoint(Path path, SafetensorsFile file, JsonObject info) {
        this.path = path;
        this.file = file;
        this.info = info;
    }

    /**
     * Writes a checkpoint atomically.
     *
     * @param path the file
     * @param network the network
     * @param run the state of the run as JSON, or null
     * @param optimizerState the optimizer's arrays by name
     * @throws IOException if the file cannot be written; an existing one is unchanged
     */
    public static void save(
            Path path, Network network, String run, Map<String, NDArray> optimizerState)
            throws IOException {
        Preprocessing preprocessing = network.specification().preprocessing();
        JsonObject info = new JsonObject();
        info.addProperty("format", FORMAT);
        info.addProperty("model", network.model());
        info.addProperty("in_channels", network.inChannels());
        info.add("class_names", GSON.toJsonTree(network.classNames()));
        info.addProperty("image_size", preprocessing == null ? null : preprocessing.imageSize());
        info.add("preprocessing", tree(preprocessing));
        info.add("versions", GSON.toJsonTree(Versions.of(network.manager().getEngine())));
        info.add("batches_tracked", GSON.toJsonTree(network.batchesTracked()));
        info.add("run", run == null ? JsonNull.INSTANCE : JsonParser.parseString(run));
        try (NDManager scope = network.manager().newSubManager()) {
            List<Tensor> tensors = new ArrayList<>();
            network.stateDict()
                    .forEach((name, array) -> tensors.add(Tensor.of(name, array, scope)));
            optimizerState.forEach(
                    (name, array) ->
                            tensors.add(
                                    Tensor.of(CheckpointTensors.OPTIMIZER + name, array, scope)));
            SafetensorsFile.write(path, Map.of(KEY, GSON.toJson(info)), tensors);
        }
    }

    /**
     * Returns whether a safetensors file is a checkpoint of this library, valid or not.
     *
     * @param file the file
     * @return whether its metadata has our entry
     */
    public static boolean isCheckpoint(SafetensorsFile file) {
        return file.metadata().containsKey(KEY);
    }

    /**
     * Opens a checkpoint and verifies its checksum.
     *
     * @param path the file
     * @return the checkpoint; {@link #network} reads its tensors
     * @throws UserException if the file is missing, damaged, or not a checkpoint of this library
     */
    public static Checkpoint open(Path path) {
        SafetensorsFile file = SafetensorsFile.read(path);
        try {
            return of(path, file);
        } catch (RuntimeException | Error failure) {
            file.close();
            throw failure;
        }
    }

    /**
     * Reads a checkpoint from an open file and verifies its checksum.
     *
     * @param path the file's path
     * @param file the file, which {@link #close} closes
     * @return the checkpoint
     * @throws UserException if it is damaged, or not a checkpoint of this library
     */
    public static Checkpoint of(Path path, SafetensorsFile file) {
        String text = file.metadata().get(KEY);
        if (text == null) {
            throw new UserException(
                    path
                            + " is a safetensors file, but not a checkpoint of py_djl_resnet: its"
                            + " metadata lacks \""
                            + KEY
                            + "\".");
        }
        if (!file.verify()) {
            throw new UserException(
                    path
                            + " has no checksum: it is damaged, or another program wrote it. Use"
                            + " another copy.");
        }
        try {
            JsonObject info = JsonParser.parseString(text).getAsJsonObject();
            int format = info.get("format").getAsInt();
            if (format != FORMAT) {
                throw UserException.of(
                        "%s has an unsupported checkpoint format. Received: %s. Allowed: %s.",
                        path, format, FORMAT);
            }
            Checkpoint checkpoint = new Checkpoint(path, file, info);
            checkpoint.requireValid();
            return checkpoint;
        } catch (JsonParseException
                | ClassCastException
                | IllegalStateException
                | UnsupportedOperationException
                | NumberFormatException
                | NullPointerException malformed) {
            throw new UserException(path + " has invalid metadata. Use another copy.", malformed);
        }
    }

    private void requireValid() {
        model();
        batchesTracked();
        Integer size = imageSize();
        if (inChannels() < 1 || classNames().isEmpty() || (size != null && size < 1)) {
            throw new IllegalStateException("a size is not above 0");
        }
        Preprocessing preprocessing = preprocessing();
        if (preprocessing != null && preprocessing.channels() != inChannels()) {
            throw new IllegalStateException("the preprocessing is for other channels");
        }
        run();
    }

    /**
     * Returns the name of the network.
     *
     * @return its name in {@link Models}
     */
    public String model() {
        return info.get("model").getAsString();
    }

    /**
     * Returns the number of input channels.
     *
     * @return the number of channels
     */
    public int inChannels() {
        return info.get("in_channels").getAsInt();
    }

    /**
     * Returns the names of the classes.
     *
     * @return a name for each logit
     */
    public List<String> classNames() {
        List<String> names = new ArrayList<>();
        for (JsonElement name : info.getAsJsonArray("class_names")) {
            names.add(name.getAsString());
        }
        return names;
    }

    /**
     * Returns the engine that computed the weights.
     *
     * @return DJL's name of the engine, or null if it is not recorded
     */
    public String engine() {
        return info.get("versions") instanceof JsonObject versions && versions.has("engine")
                ? versions.get("engine").getAsString()
                : null;
    }

    private Integer imageSize() {
        JsonElement size = info.get("image_size");
        return size.isJsonNull() ? null : size.getAsInt();
    }

    /**
     * Returns the preprocessing of the network's images.
     *
     * @return the preprocessing; null if unknown
     */
    public Preprocessing preprocessing() {
        JsonElement written = info.get("preprocessing");
        if (written != null && written.isJsonNull()) {
            return null;
        }
        if (written != null) {
            try {
                return Preprocessing.of(written.getAsJsonObject().toString());
            } catch (UserException bad) {
                throw new UserException(path + ": " + bad.getMessage(), bad);
            }
        }
        Integer size = imageSize();
        return size == null ? null : Preprocessing.exact(new ImageShape(inChannels(), size, size));
    }

    /**
     * Returns the network's specification.
     *
     * @return the specification
     * @throws UserException if the model is unknown
     */
    public Specification specification() {
        try {
            return new Specification(
                    model(), inChannels(), new Classes(classNames()), preprocessing());
        } catch (UserException unknown) {
            throw new UserException(path + ": " + unknown.getMessage(), unknown);
        }
    }

    /**
     * Describes the checkpoint.
     *
     * @return a JSON object with the keys of {@link #describe(Specification)} and, for a checkpoint
     *     of a run, recipe, epoch, step, best and history
     */
    public String describe() {
        JsonObject description = describe(model(), inChannels(), classNames(), preprocessing());
        JsonElement run = info.get("run");
        if (run != null && run.isJsonObject()) {
            for (String key : List.of("recipe", "epoch", "step", "best", "history")) {
                description.add(key, run.getAsJsonObject().get(key));
            }
        }
        return GSON.toJson(description);
    }

    /**
     * Describes a network.
     *
     * @param specification its specification
     * @return a JSON object with the keys model, in_channels, classes, class_names, image_size (the
     *     height and width of prepared images, or null) and preprocessing (or null)
     */
    public static String describe(Specification specification) {
        return GSON.toJson(
                describe(
                        specification.model(),
                        specification.channels(),
                        specification.classNames(),
                        specification.preprocessing()));
    }

    private static JsonElement tree(Preprocessing preprocessing) {
        return preprocessing == null
                ? JsonNull.INSTANCE
                : JsonParser.parseString(preprocessing.toJson());
    }

    private static JsonObject describe(
            String model, int channels, List<String> classNames, Preprocessing preprocessing) {
        JsonObject description = new JsonObject();
        description.addProperty("model", model);
        description.addProperty("in_channels", channels);
        description.addProperty("classes", classNames.size());
        JsonArray names = new JsonArray();
        classNames.forEach(names::add);
        description.add("class_names", names);
        description.addProperty(
                "image_size", preprocessing == null ? null : preprocessing.imageSize());
        description.add("preprocessing", tree(preprocessing));
        return description;
    }

    /**
     * Creates the checkpoint's network.
     *
     * @param device the device of its parameters
     * @return the network
     * @throws UserException if tensors are missing, unexpected, or have another shape or type; the
     *     message lists them
     */
    public Network network(Device device) {
        return network(specification(), device);
    }

    /**
     * Creates the checkpoint's network with another preprocessing.
     *
     * @param specification the checkpoint's specification, except for the preprocessing
     * @param device the device of its parameters
     * @return the network
     * @throws UserException as {@link #network(Device)}
     */
    public Network network(Specification specification, Device device) {
        CheckpointTensors tensors = new CheckpointTensors(path, file, model());
        Network network =
                Network.of(specification, device, tensors.network(specification.output()));
        try {
            tensors.requireFit();
        } catch (UserException unfit) {
            network.close();
            throw unfit;
        }
        network.setBatchesTracked(batchesTracked());
        return network;
    }

    /**
     * Returns how many batches updated the running statistics.
     *
     * @return the counts by torchvision's names; empty in files of earlier versions
     */
    public Map<String, Long> batchesTracked() {
        Map<String, Long> counts = new LinkedHashMap<>();
        JsonElement all = info.get("batches_tracked");
        if (all != null && all.isJsonObject()) {
            all.getAsJsonObject()
                    .entrySet()
                    .forEach(count -> counts.put(count.getKey(), count.getValue().getAsLong()));
        }
        return counts;
    }

    /**
     * Returns the state of the run that wrote the checkpoint.
     *
     * @return the JSON object given to {@link #save}, or null
     */
    public String run() {
        JsonElement run = info.get("run");
        return run == null || run.isJsonNull() ? null : run.getAsJsonObject().toString();
    }

    /**
     * Reads the optimizer's state.
     *
     * @return an initializer for each array, by the names given to {@link #save}; valid after
     *     {@link #close}
     */
    public Map<String, Initializer> optimizerState() {
        return new CheckpointTensors(path, file, model()).optimizer();
    }

    /** Closes the file; networks created from it remain valid. */
    @Override
    public void close() {
        file.close();
    }
}
