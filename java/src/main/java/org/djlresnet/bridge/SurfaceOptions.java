package org.djlresnet.bridge;

import ai.djl.ndarray.NDManager;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.data.Examples;
import org.djlresnet.engine.Precision;
import org.djlresnet.engine.Versions;
import org.djlresnet.evaluation.Evaluator;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.landscape.Directions;
import org.djlresnet.landscape.Grid;
import org.djlresnet.landscape.HeldExamples;
import org.djlresnet.landscape.LandscapeInfo;
import org.djlresnet.landscape.LossProbe;
import org.djlresnet.landscape.Normalization;
import org.djlresnet.landscape.Surface;
import org.djlresnet.model.Network;

/** The options of a loss surface, as Python passes them, and what it needs made from them. */
final class SurfaceOptions {

    private static final Gson GSON = new GsonBuilder().serializeNulls().create();

    private final JsonObject options;

    /**
     * @param json see {@link Bridge#surface}
     */
    SurfaceOptions(String json) {
        options = JsonParser.parseString(json).getAsJsonObject();
    }

    Grid grid() {
        List<Grid.Axis> axes = new ArrayList<>();
        int axis = 0;
        for (JsonElement range : options.getAsJsonArray("range")) {
            double first = range.getAsJsonArray().get(0).getAsDouble();
            double last = range.getAsJsonArray().get(1).getAsDouble();
            int count = options.getAsJsonArray("grid").get(axis++).getAsInt();
            axes.add(new Grid.Axis(first, last, count));
        }
        return new Grid(options.get("directions").getAsInt(), axes);
    }

    private Directions directions(Network network) {
        return new Directions(
                network,
                seed(),
                options.getAsJsonArray("range").size(),
                Normalization.of(options.get("normalize").getAsString()),
                options.get("include_bias_and_norm").getAsBoolean());
    }

    Map<String, ByteBuffer> direction(Network network, int surface, int axis) {
        Map<String, ByteBuffer> direction = new LinkedHashMap<>();
        directions(network)
                .values(surface, axis)
                .forEach(
                        (name, values) -> {
                            ByteBuffer bytes =
                                    ByteBuffer.allocateDirect(values.length * Float.BYTES)
                                            .order(ByteOrder.nativeOrder());
                            bytes.asFloatBuffer().put(values);
                            direction.put(name, bytes);
                        });
        return direction;
    }

    private long seed() {
        return options.get("seed").getAsLong();
    }

    private Precision precision() {
        return Precision.of(options.get("precision").getAsString());
    }

    /** Starts to measure a surface over random directions. */
    SurfaceHandle start(Path folder, Network network, Examples all, String preprocessing) {
        Preprocessing prepared = network.specification().preprocessing(preprocessing);
        Evaluator.requireFit(network, all);
        JsonElement count = options.get("examples");
        Examples chosen =
                HeldExamples.choose(all, count.isJsonNull() ? null : count.getAsInt(), seed());
        Directions directions = directions(network);
        JsonObject info = info("surface", network, chosen, prepared);
        String tensors = directions.describe(options.get("directions").getAsInt());
        info.add("tensors", JsonParser.parseString(tensors));
        Surface surface = new Surface(folder, grid(), GSON.toJson(info), directions::draw);
        return new SurfaceHandle(surface, () -> measure(surface, network, chosen, prepared));
    }

    /** Returns the keys of landscape.json that all kinds have. */
    JsonObject info(String kind, Network network, Examples examples, Preprocessing preprocessing) {
        JsonObject info = new JsonObject();
        info.addProperty("format", 1);
        info.addProperty("kind", kind);
        info.addProperty("model", network.model());
        info.add("dataset", options.get("dataset"));
        JsonObject checkpoint = new JsonObject();
        checkpoint.add("path", options.get("checkpoint"));
        checkpoint.addProperty("checksum", LandscapeInfo.checksum(network));
        info.add("checkpoint", checkpoint);
        for (String key :
                List.of(
                        "grid",
                        "range",
                        "normalize",
                        "include_bias_and_norm",
                        "batch_norm",
                        "split")) {
            info.add(key, options.get(key));
        }
        info.addProperty("examples", examples.size());
        info.addProperty("data_checksum", examples.fingerprint());
        info.add("preprocessing", JsonParser.parseString(preprocessing.toJson()));
        for (String key : List.of("seed", "directions", "batch_size")) {
            info.add(key, options.get(key));
        }
        info.addProperty("precision", precision().toString());
        info.add("versions", GSON.toJsonTree(Versions.of(network.manager().getEngine())));
        return info;
    }

    /** Measures a surface on the thread that calls this. */
    void measure(Surface surface, Network network, Examples examples, Preprocessing preprocessing) {
        int batchSize = options.get("batch_size").getAsInt();
        boolean recalibrates = options.get("batch_norm").getAsString().equals("recalibrated");
        try (HeldExamples held = new HeldExamples(network, examples, batchSize, preprocessing);
                LossProbe probe = new LossProbe(network, held, precision(), recalibrates);
                NDManager manager = network.manager().newSubManager()) {
            surface.run(probe, manager);
        }
    }
}
