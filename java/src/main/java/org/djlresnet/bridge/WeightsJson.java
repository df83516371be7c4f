package org.djlresnet.bridge;

import ai.djl.ndarray.NDManager;
import com.google.gson.FieldNamingPolicy;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.checkpoint.Dtype;
import org.djlresnet.checkpoint.ForeignFile;
import org.djlresnet.checkpoint.Tensor;
import org.djlresnet.engine.Devices;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Network;
import org.djlresnet.model.TensorBytes;
import org.djlresnet.weights.StateFile;

/** Converts weights and descriptions of networks to and from JSON for Python. */
final class WeightsJson {

    private static final Gson GSON =
            new GsonBuilder()
                    .serializeNulls()
                    .setFieldNamingPolicy(FieldNamingPolicy.LOWER_CASE_WITH_UNDERSCORES)
                    .create();

    private WeightsJson() {}

    /** The options of {@link Bridge#importWeights}. */
    private record Options(
            String model,
            Integer inChannels,
            Integer classes,
            List<String> classNames,
            boolean newHead,
            long seed,
            String device,
            JsonElement preprocessing,
            String source) {

        StateFile.Wanted wanted(String file) {
            List<String> names =
                    classNames != null || classes == null
                            ? classNames
                            : Classes.numbered(classes).names();
            String preset = null;
            if (preprocessing != null && !preprocessing.isJsonNull()) {
                boolean named = preprocessing.isJsonPrimitive();
                preset = named ? preprocessing.getAsString() : preprocessing.toString();
            }
            Path original = Path.of(source == null ? file : source);
            return new StateFile.Wanted(model, inChannels, names, newHead, seed, preset, original);
        }
    }

    static NetworkHandle read(String file, String json) {
        if (ForeignFile.isPickle(Path.of(file))) {
            return null;
        }
        Options options = GSON.fromJson(json, Options.class);
        try (StateFile opened = StateFile.open(Path.of(file))) {
            StateFile.Imported imported =
                    opened.network(options.wanted(file), Devices.of(options.device()));
            Network network = imported.network();
            JsonObject report = new JsonObject();
            report.add("taken", GSON.toJsonTree(imported.taken()));
            report.add("new", GSON.toJsonTree(imported.fresh()));
            report.add("left", GSON.toJsonTree(imported.left()));
            report.addProperty("prefix", imported.prefix());
            report.add("converted", GSON.toJsonTree(imported.converted()));
            report.add("not_finite", GSON.toJsonTree(imported.notFinite()));
            report.addProperty("preprocessing_source", imported.preprocessingSource());
            return handle(network, Map.of("import", report));
        }
    }

    /** Wraps a network whose description has one more entry. */
    static NetworkHandle handle(Network network, Map<String, JsonElement> entries) {
        JsonObject info =
                JsonParser.parseString(Checkpoint.describe(network.specification()))
                        .getAsJsonObject();
        entries.forEach(info::add);
        return new NetworkHandle(network, GSON.toJson(info));
    }

    /** Describes the tensors: {@code [{"name", "shape"}]}, and the batch counts by name. */
    static String tensors(Network network) {
        List<Map<String, Object>> tensors = new ArrayList<>();
        network.stateDict()
                .forEach(
                        (name, array) ->
                                tensors.add(
                                        Map.of(
                                                "name",
                                                name,
                                                "shape",
                                                array.getShape().getShape())));
        return GSON.toJson(Map.of("tensors", tensors, "batches_tracked", network.batchesTracked()));
    }

    /** Copies a tensor. */
    static ByteBuffer tensor(Network network, String name) {
        try (NDManager scope = network.manager().newSubManager()) {
            return TensorBytes.copy(TensorBytes.of(network.stateDict().get(name), scope));
        }
    }

    /** Replaces all tensors: an array of {@code {"name", "dtype", "shape"}}, and the values. */
    static String load(Network network, String description, ByteBuffer[] values) {
        List<Tensor> tensors = new ArrayList<>();
        for (JsonElement row : JsonParser.parseString(description).getAsJsonArray()) {
            JsonObject tensor = row.getAsJsonObject();
            tensors.add(
                    new Tensor(
                            tensor.get("name").getAsString(),
                            Dtype.valueOf(tensor.get("dtype").getAsString()),
                            GSON.fromJson(tensor.get("shape"), long[].class),
                            values[tensors.size()]));
        }
        return GSON.toJson(StateFile.load(network, tensors));
    }
}
