package org.djlresnet.bridge;

import ai.djl.ndarray.NDManager;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.djlresnet.UserException;
import org.djlresnet.data.Examples;
import org.djlresnet.engine.Precision;
import org.djlresnet.engine.Versions;
import org.djlresnet.evaluation.Evaluator;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.landscape.Directions;
import org.djlresnet.landscape.Grid;
import org.djlresnet.landscape.HeldExamples;
import org.djlresnet.landscape.Hessian;
import org.djlresnet.landscape.LandscapeInfo;
import org.djlresnet.landscape.LossProbe;
import org.djlresnet.landscape.NetworkLine;
import org.djlresnet.landscape.Normalization;
import org.djlresnet.landscape.PointMeasurement;
import org.djlresnet.landscape.Surface;
import org.djlresnet.landscape.Trajectory;
import org.djlresnet.landscape.TrajectorySurface;
import org.djlresnet.model.Network;
import org.djlresnet.model.TensorBytes;

/** Measures loss surfaces, lines and planes between networks, and Hessians, for Python. */
public final class Landscapes {

    /** The part of a path's extent that its plane shows on each side. */
    private static final double MARGIN = 0.2;

    private static final Gson GSON = new GsonBuilder().serializeNulls().create();

    private final JsonObject options;

    Landscapes(String json) {
        options = JsonParser.parseString(json).getAsJsonObject();
    }

    private Grid grid() {
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

    /**
     * Draws a direction of a loss surface.
     *
     * @param network the network
     * @param surface the number of the surface, from 0
     * @param axis 0 or 1
     * @return float32 values in direct buffers in native order, by tensor names
     */
    public Map<String, ByteBuffer> direction(NetworkHandle network, int surface, int axis) {
        Map<String, ByteBuffer> direction = new LinkedHashMap<>();
        directions(network.network())
                .values(surface, axis)
                .forEach((name, values) -> direction.put(name, TensorBytes.of(values)));
        return direction;
    }

    private long seed() {
        return options.get("seed").getAsLong();
    }

    private Precision precision() {
        return Precision.of(options.get("precision").getAsString());
    }

    /**
     * Starts to measure a loss surface over random directions, or resumes one.
     *
     * <p>The options: grid and range (for each axis), directions (the number of surfaces),
     * normalize, include_bias_and_norm, seed, batch_norm (frozen or recalibrated), examples (null
     * for all), split, batch_size, precision, dataset and checkpoint (a name and a path, or null).
     *
     * @param handle the network, whose weights change until the end
     * @param all all examples
     * @param folder the surface's folder
     * @param preprocessing a preset's name or JSON; null for the network's own
     * @return the measurement
     * @throws UserException if the data do not fit the network, or its preprocessing is unknown and
     *     none is given
     */
    public MeasurementHandle surface(
            NetworkHandle handle, Examples all, String folder, String preprocessing) {
        Network network = handle.network();
        Preprocessing prepared = network.specification().preprocessing(preprocessing);
        Examples chosen = chosen(network, all);
        Directions directions = directions(network);
        JsonObject info = info("surface", network, chosen, prepared);
        String tensors = directions.describe(options.get("directions").getAsInt());
        info.add("tensors", JsonParser.parseString(tensors));
        Surface surface = new Surface(Path.of(folder), grid(), GSON.toJson(info), directions::draw);
        return points(
                surface,
                network,
                chosen,
                prepared,
                probing(surface, network, (probe, manager) -> {}));
    }

    /**
     * Starts to measure the line between two networks, or resumes it.
     *
     * <p>The options: as of {@link #surface}, with one axis and one surface, without normalize and
     * include_bias_and_norm, and with other (a path, or null).
     *
     * @param from the network at 0, whose weights change until the end
     * @param to the network at 1, of the same kind
     * @param all all examples
     * @param folder the line's folder
     * @param preprocessing as in {@link #surface}
     * @return the measurement
     * @throws UserException as in {@link #surface}
     */
    public MeasurementHandle interpolation(
            NetworkHandle from,
            NetworkHandle to,
            Examples all,
            String folder,
            String preprocessing) {
        Network network = from.network();
        Network second = to.network();
        Preprocessing prepared = network.specification().preprocessing(preprocessing);
        Examples chosen = chosen(network, all);
        JsonObject info = info("interpolation", network, chosen, prepared);
        info.add("other", checkpoint("other", second));
        NetworkLine line = new NetworkLine(network, second);
        Surface surface = new Surface(Path.of(folder), grid(), GSON.toJson(info), line::direction);
        return points(
                surface,
                network,
                chosen,
                prepared,
                probing(
                        surface,
                        network,
                        (probe, manager) -> probe.setStatisticsRange(line.range(manager))));
    }

    /**
     * Starts to measure the plane of a run's checkpoints, or resumes it.
     *
     * <p>The options: as of {@link #surface}, with two axes and one surface, without normalize and
     * include_bias_and_norm; range may be null, for the path with a margin.
     *
     * @param handle the network of the last checkpoint, whose weights change until the end
     * @param files the checkpoints, in the order of the run
     * @param averaged whether to take the averages of their weights, where there are any
     * @param all all examples
     * @param folder the plane's folder
     * @param preprocessing as in {@link #surface}
     * @return the measurement
     * @throws UserException as in {@link #surface}, or the checkpoints are of different networks
     */
    public MeasurementHandle trajectory(
            NetworkHandle handle,
            String[] files,
            boolean averaged,
            Examples all,
            String folder,
            String preprocessing) {
        Network network = handle.network();
        List<Path> checkpoints = Arrays.stream(files).map(Path::of).toList();
        Preprocessing prepared = network.specification().preprocessing(preprocessing);
        Examples chosen = chosen(network, all);
        Trajectory trajectory = new Trajectory(checkpoints, averaged, network);
        if (options.get("range").isJsonNull()) {
            options.add("range", GSON.toJsonTree(trajectory.ranges(MARGIN)));
        }
        JsonObject info = info("trajectory", network, chosen, prepared);
        info.addProperty("checkpoints", checkpoints.size());
        info.add("explained", GSON.toJsonTree(trajectory.explained()));
        TrajectorySurface surface =
                new TrajectorySurface(Path.of(folder), grid(), GSON.toJson(info), trajectory);
        return points(
                surface,
                network,
                chosen,
                prepared,
                (held, precision, recalibrates) ->
                        surface.run(network, held, precision, recalibrates));
    }

    /** Measures points on prepared examples. */
    private interface Measuring {
        void with(HeldExamples held, Precision precision, boolean recalibrates);
    }

    /** Measures the points of a surface by a probe, which is prepared first. */
    private static Measuring probing(
            Surface surface, Network network, BiConsumer<LossProbe, NDManager> prepare) {
        return (held, precision, recalibrates) -> {
            try (LossProbe probe = new LossProbe(network, held, precision, recalibrates);
                    NDManager manager = network.manager().newSubManager()) {
                prepare.accept(probe, manager);
                surface.run(probe, manager);
            }
        };
    }

    /** Measures points, whose results are files; prepares the examples on the measuring thread. */
    private MeasurementHandle points(
            PointMeasurement points,
            Network network,
            Examples examples,
            Preprocessing preprocessing,
            Measuring measuring) {
        int batchSize = options.get("batch_size").getAsInt();
        boolean recalibrates = options.get("batch_norm").getAsString().equals("recalibrated");
        return new MeasurementHandle(
                "landscape",
                () -> {
                    try (HeldExamples held =
                            new HeldExamples(network, examples, batchSize, preprocessing)) {
                        measuring.with(held, precision(), recalibrates);
                    }
                    return null;
                },
                () -> {
                    JsonObject json = new JsonObject();
                    json.addProperty("done", points.done());
                    json.addProperty("total", points.size());
                    return json.toString();
                },
                points::stop);
    }

    /**
     * Starts to measure the Hessian of a network's loss, or resumes it.
     *
     * <p>The options: iterations, tolerance, samples, step (see {@link Hessian.Options}), and seed,
     * examples, split, batch_size, precision, dataset and checkpoint as of {@link #surface}.
     *
     * @param handle the network
     * @param all all examples
     * @param folder the folder, or null to write no files
     * @param preprocessing as in {@link #surface}
     * @return the measurement
     * @throws UserException as in {@link #surface}
     */
    public MeasurementHandle hessian(
            NetworkHandle handle, Examples all, String folder, String preprocessing) {
        Network network = handle.network();
        Preprocessing prepared = network.specification().preprocessing(preprocessing);
        Examples chosen = chosen(network, all);
        JsonObject info = info("hessian", network, chosen, prepared);
        Hessian hessian =
                new Hessian(
                        folder == null ? null : Path.of(folder),
                        GSON.toJson(info),
                        new Hessian.Options(
                                options.get("iterations").getAsInt(),
                                options.get("tolerance").getAsDouble(),
                                options.get("samples").getAsInt(),
                                options.get("step").getAsDouble(),
                                seed()));
        int batchSize = options.get("batch_size").getAsInt();
        return new MeasurementHandle(
                "hessian",
                () -> {
                    try (HeldExamples held =
                            new HeldExamples(network, chosen, batchSize, prepared)) {
                        return hessian.run(network, held);
                    }
                },
                hessian::progress,
                hessian::stop);
    }

    private Examples chosen(Network network, Examples all) {
        Evaluator.requireFit(network, all);
        JsonElement count = options.get("examples");
        return HeldExamples.choose(all, count.isJsonNull() ? null : count.getAsInt(), seed());
    }

    /** Returns the keys of landscape.json that all kinds have. */
    private JsonObject info(
            String kind, Network network, Examples examples, Preprocessing preprocessing) {
        JsonObject info = new JsonObject();
        info.addProperty("format", 1);
        info.addProperty("kind", kind);
        info.addProperty("model", network.model());
        info.add("dataset", options.get("dataset"));
        info.add("checkpoint", checkpoint("checkpoint", network));
        for (String key :
                List.of(
                        "grid",
                        "range",
                        "normalize",
                        "include_bias_and_norm",
                        "batch_norm",
                        "split")) {
            if (options.has(key)) {
                info.add(key, options.get(key));
            }
        }
        info.addProperty("examples", examples.size());
        info.addProperty("data_checksum", examples.fingerprint());
        info.add("preprocessing", JsonParser.parseString(preprocessing.toJson()));
        for (String key : List.of("seed", "directions", "batch_size")) {
            if (options.has(key)) {
                info.add(key, options.get(key));
            }
        }
        info.addProperty("precision", precision().toString());
        info.add("versions", GSON.toJsonTree(Versions.of(network.manager().getEngine())));
        return info;
    }

    private JsonObject checkpoint(String key, Network network) {
        JsonObject checkpoint = new JsonObject();
        checkpoint.add("path", options.get(key));
        checkpoint.addProperty("checksum", LandscapeInfo.checksum(network));
        return checkpoint;
    }
}
