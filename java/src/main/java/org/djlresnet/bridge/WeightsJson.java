package org.djlresnet.bridge;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
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
import org.djlresnet.model.Network;
import org.djlresnet.model.TensorBytes;
import org.djlresnet.weights.StateFile;

/** Converts weights and descriptions of networks to and from JSON for Python. */
final class WeightsJson {

    private static final Gson GSON = new GsonBuilder().serializeNulls().create();

    private WeightsJson() {}

    static NetworkHandle read(String file, String options) {
        if (ForeignFile.isPickle(Path.of(file))) {
            return null;
        }
        JsonObject given = JsonParser.parseString(options).getAsJsonObject();
        String origin = optionalText(given.get("source"));
        StateFile.Wanted wanted =
                new StateFile.Wanted(
                        given.get("model").getAsString(),
                        optionalInt(given.get("in_channels")),
                        classNames(given),
                        given.get("new_head").getAsBoolean(),
                        given.get("seed").getAsLong(),
                        optionalText(given.get("preprocessing")),
                        Path.of(origin == null ? file : origin));
        Device device = Devices.of(given.get("device").getAsString());
        try (StateFile opened = StateFile.open(Path.of(file))) {
            StateFile.Imported imported = opened.network(wanted, device);
            Network network = imported.network();
            JsonObject info =
                    JsonParser.parseString(Checkpoint.describe(network.specification()))
                            .getAsJsonObject();
            JsonObject report = new JsonObject();
            report.add("taken", GSON.toJsonTree(imported.taken()));
            report.add("new", GSON.toJsonTree(imported.fresh()));
            report.add("left", GSON.toJsonTree(imported.left()));
            report.addProperty("prefix", imported.prefix());
            report.add("converted", GSON.toJsonTree(imported.converted()));
            report.add("not_finite", GSON.toJsonTree(imported.notFinite()));
            report.addProperty("preprocessing_source", imported.preprocessingSource());
            info.add("import", report);
            return new NetworkHandle(network, GSON.toJson(info));
        }
    }

    private static List<String> classNames(JsonObject given) {
        if (!given.get("class_names").isJsonNull()) {
            List<String> names = new ArrayList<>();
            given.getAsJsonArray("class_names").forEach(name -> names.add(name.getAsString()));
            return names;
        }
        Integer classes = optionalInt(given.get("classes"));
        return classes == null ? null : Network.numbered(classes);
    }

    private static Integer optionalInt(JsonElement value) {
        return value.isJsonNull() ? null : value.getAsInt();
    }

    private static String optionalText(JsonElement value) {
        return value == null || value.isJsonNull()
                ? null
                : value.isJsonPrimitive() ? value.getAsString() : value.toString();
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
        NDArray array = network.stateDict().get(name);
        try (NDManager scope = network.manager().newSubManager()) {
            return TensorBytes.copy(TensorBytes.of(array, scope));
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
