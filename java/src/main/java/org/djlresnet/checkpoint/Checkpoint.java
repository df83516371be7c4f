package org.djlresnet.checkpoint;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.training.initializer.Initializer;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.djlresnet.UserException;
import org.djlresnet.engine.Versions;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Models;
import org.djlresnet.model.Network;
import org.djlresnet.model.Specification;
import org.djlresnet.model.StateDict;

/**
 * A network and the state of its run in one safetensors file.
 *
 * <p>Weights and running statistics have torchvision's names, so that any safetensors reader can
 * use them. The optimizer's state has names in {@code optimizer/…}, and the average of the weights,
 * if the run keeps one, in {@code average/…}. The metadata entry {@value #KEY} is a JSON object
 * with the keys format, model, in_channels, class_names, image_size, preprocessing (null if
 * unknown), versions, batches_tracked (PyTorch's batch counts) and, in a checkpoint of a run, run:
 * recipe, epoch, step, best, history and the sums of the current epoch.
 */
public final class Checkpoint implements AutoCloseable {

    /** The prefix of the optimizer's tensors. */
    public static final String OPTIMIZER = "optimizer/";

    /** The prefix of the average of the weights. */
    public static final String AVERAGE = "average/";

    private static final String KEY = "py_djl_resnet";
    private static final int FORMAT = 1;
    private static final Gson GSON = new GsonBuilder().serializeNulls().create();

    private final Path path;
    private final SafetensorsFile file;
    private final Specification specification;
    private final String engine;
    private final Map<String, Long> batchesTracked = new LinkedHashMap<>();
    private final JsonObject run;

    private Checkpoint(Path path, SafetensorsFile file, JsonObject info) {
        this.path = path;
        this.file = file;
        List<String> classNames = new ArrayList<>();
        info.getAsJsonArray("class_names").forEach(name -> classNames.add(name.getAsString()));
        JsonElement preprocessing = info.get("preprocessing");
        specification =
                new Specification(
                        info.get("model").getAsString(),
                        info.get("in_channels").getAsInt(),
                        OutputJson.read(info.get("autoencoder"), classNames),
                        preprocessing.isJsonNull()
                                ? null
                                : Preprocessing.of(preprocessing.getAsJsonObject().toString()));
        engine = info.getAsJsonObject("versions").get("engine").getAsString();
        info.getAsJsonObject("batches_tracked")
                .entrySet()
                .forEach(count -> batchesTracked.put(count.getKey(), count.getValue().getAsLong()));
        JsonElement state = info.get("run");
        run = state.isJsonNull() ? null : state.getAsJsonObject();
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
        save(path, network, run, optimizerState, Map.of());
    }

    /**
     * Writes a checkpoint atomically, with an average of the weights.
     *
     * @param path the file
     * @param network the network
     * @param run the state of the run as JSON, or null
     * @param optimizerState the optimizer's arrays by name
     * @param average the average by the network's names, or none
     * @throws IOException if the file cannot be written; an existing one is unchanged
     */
    public static void save(
            Path path,
            Network network,
            String run,
            Map<String, NDArray> optimizerState,
            Map<String, NDArray> average)
            throws IOException {
        JsonObject info = description(network.specification());
        info.remove("classes");
        info.addProperty("format", FORMAT);
        info.add("versions", GSON.toJsonTree(Versions.of(network.manager().getEngine())));
        info.add("batches_tracked", GSON.toJsonTree(network.batchesTracked()));
        info.add("run", run == null ? JsonNull.INSTANCE : JsonParser.parseString(run));
        try (NDManager scope = network.manager().newSubManager()) {
            List<Tensor> tensors = new ArrayList<>();
            network.stateDict()
                    .forEach((name, array) -> tensors.add(Tensor.of(name, array, scope)));
            optimizerState.forEach(
                    (name, array) -> tensors.add(Tensor.of(OPTIMIZER + name, array, scope)));
            average.forEach((name, array) -> tensors.add(Tensor.of(AVERAGE + name, array, scope)));
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
                            + "\". "
                            + ForeignFile.IMPORT);
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
                        "Unsupported checkpoint format. Received: %s. Allowed: %s.",
                        format, FORMAT);
            }
            return new Checkpoint(path, file, info);
        } catch (UserException rejected) {
            throw new UserException(path + " cannot be used. " + rejected.getMessage(), rejected);
        } catch (RuntimeException malformed) {
            throw new UserException(path + " has invalid metadata. Use another copy.", malformed);
        }
    }

    /**
     * Returns the engine that computed the weights.
     *
     * @return DJL's name of the engine
     */
    public String engine() {
        return engine;
    }

    /**
     * Returns the network's specification.
     *
     * @return the specification
     */
    public Specification specification() {
        return specification;
    }

    /**
     * Describes the checkpoint.
     *
     * @return a JSON object with the keys of {@link #describe(Specification)} and, for a checkpoint
     *     of a run, recipe, epoch, step, best, history and, if known, data (checksums by part)
     */
    public String describe() {
        JsonObject description = description(specification);
        if (run != null) {
            for (String key : List.of("recipe", "epoch", "step", "best", "history")) {
                description.add(key, run.get(key));
            }
            if (run.has("data")) {
                description.add("data", run.get("data"));
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
        return GSON.toJson(description(specification));
    }

    private static JsonObject description(Specification specification) {
        Preprocessing preprocessing = specification.preprocessing();
        JsonObject description = new JsonObject();
        description.addProperty("model", specification.model());
        description.addProperty("in_channels", specification.channels());
        description.addProperty("classes", specification.classNames().size());
        description.add("class_names", GSON.toJsonTree(specification.classNames()));
        description.addProperty(
                "image_size", preprocessing == null ? null : preprocessing.imageSize());
        if (specification.autoencoding() != null) {
            description.add("autoencoder", OutputJson.write(specification.autoencoding()));
        }
        description.add(
                "preprocessing",
                preprocessing == null
                        ? JsonNull.INSTANCE
                        : JsonParser.parseString(preprocessing.toJson()));
        return description;
    }

    /**
     * Lists the tensors of the network, without those of the optimizer.
     *
     * @param averaged whether to take the average of the weights, if there is one
     * @return tensors by the network's names, whose own names are those in the file
     */
    public Map<String, TensorInfo> weights(boolean averaged) {
        Map<String, TensorInfo> weights = new LinkedHashMap<>();
        Map<String, TensorInfo> average = new LinkedHashMap<>();
        file.tensors()
                .forEach(
                        (name, tensor) -> {
                            if (name.startsWith(AVERAGE)) {
                                average.put(name.substring(AVERAGE.length()), tensor);
                            } else if (!name.startsWith(OPTIMIZER)) {
                                weights.put(name, tensor);
                            }
                        });
        return averaged && !average.isEmpty() ? average : weights;
    }

    /**
     * Reads the values of a tensor of the network.
     *
     * @param tensor an entry of {@link #weights}
     * @return its values, row-major, as float32
     */
    public FloatBuffer values(TensorInfo tensor) {
        return Floats.toFloat32(file.data(tensor.name()), tensor.dtype())
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer();
    }

    /**
     * Creates the checkpoint's network, with the average of its weights if there is one.
     *
     * @param device the device of its parameters
     * @return the network
     * @throws UserException if tensors are missing, unexpected, or have another shape or type; the
     *     message lists them
     */
    public Network network(Device device) {
        return network(device, true);
    }

    /**
     * Creates the checkpoint's network.
     *
     * @param device the device of its parameters
     * @param averaged whether it has the average of its weights, if there is one
     * @return the network
     * @throws UserException as {@link #network(Device)}
     */
    public Network network(Device device, boolean averaged) {
        Map<String, TensorInfo> tensors = weights(averaged);
        String subject = path + " does not contain the tensors of a " + specification.model();
        TensorReader reader = new TensorReader(subject, tensors, file::data);
        Set<String> names =
                StateDict.of(Models.get(specification.model()).build(specification.output()))
                        .keySet();
        reader.requireNames(names, "");
        Network network = reader.network(specification, device, names, 0, "");
        network.setBatchesTracked(batchesTracked);
        return network;
    }

    /**
     * Returns how many batches updated the running statistics.
     *
     * @return the counts by torchvision's names
     */
    public Map<String, Long> batchesTracked() {
        return batchesTracked;
    }

    /**
     * Returns the state of the run that wrote the checkpoint.
     *
     * @return the JSON object given to {@link #save}, or null
     */
    public String run() {
        return run == null ? null : run.toString();
    }

    /**
     * Reads the optimizer's state and the average of the weights.
     *
     * @return an initializer for each array: the optimizer's by the names given to {@link #save},
     *     the average's by the names in the file; valid after {@link #close}
     */
    public Map<String, Initializer> optimizerState() {
        Map<String, Initializer> state = new LinkedHashMap<>();
        file.tensors()
                .forEach(
                        (name, tensor) -> {
                            if (name.startsWith(OPTIMIZER)) {
                                state.put(name.substring(OPTIMIZER.length()), optimizer(tensor));
                            } else if (name.startsWith(AVERAGE)) {
                                state.put(name, optimizer(tensor));
                            }
                        });
        return state;
    }

    private Initializer optimizer(TensorInfo tensor) {
        ByteBuffer data = file.data(tensor.name());
        TensorReader reader =
                new TensorReader(
                        path + " has a wrong tensor", Map.of(tensor.name(), tensor), name -> data);
        return (manager, shape, type) -> {
            NDArray array = reader.initializer(tensor.name()).initialize(manager, shape, type);
            reader.requireFit("");
            return array;
        };
    }

    /** Closes the file; networks created from it remain valid. */
    @Override
    public void close() {
        file.close();
    }
}
