package org.djlresnet.bridge;

import ai.djl.engine.Engine;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import com.google.gson.FieldNamingPolicy;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonSerializer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.djlresnet.UserException;
import org.djlresnet.data.DatasetDescriptor;
import org.djlresnet.data.Datasets;
import org.djlresnet.engine.Engines;
import org.djlresnet.engine.Precision;
import org.djlresnet.engine.Versions;
import org.djlresnet.graph.Graph;
import org.djlresnet.graph.GraphBuilder;
import org.djlresnet.graph.Window;
import org.djlresnet.image.ImageShape;
import org.djlresnet.model.Autoencoding;
import org.djlresnet.model.Models;
import org.djlresnet.model.Output;
import org.djlresnet.model.StateDict;
import org.djlresnet.model.Summary;
import org.djlresnet.objective.Classification;
import org.djlresnet.objective.Elbo;
import org.djlresnet.program.Programs;

/** Describes engine, networks and data sets as JSON for Python; see {@link Bridge}. */
final class Descriptions {

    /** Far above any real input, but small enough for multiply-adds to fit in 64 bits. */
    private static final long LARGEST_SIZE = 1_000_000;

    private static final Gson GSON =
            new GsonBuilder()
                    .serializeNulls()
                    .setFieldNamingPolicy(FieldNamingPolicy.LOWER_CASE_WITH_UNDERSCORES)
                    .registerTypeAdapter(
                            Shape.class,
                            (JsonSerializer<Shape>)
                                    (shape, type, context) -> context.serialize(shape.getShape()))
                    .create();

    private Descriptions() {}

    static String engine() {
        Engine engine = Engines.current();
        JsonObject json = new JsonObject();
        json.addProperty("version", Versions.library());
        json.addProperty("djl", Engine.getDjlVersion());
        json.addProperty("java", System.getProperty("java.version"));
        json.addProperty("java_home", System.getProperty("java.home"));
        json.addProperty("engine", engine.getEngineName());
        json.addProperty("engine_version", engine.getVersion());
        JsonArray devices = new JsonArray();
        devices.add("cpu");
        for (int i = 0; i < engine.getGpuCount(); i++) {
            devices.add("gpu" + i);
        }
        json.add("devices", devices);
        json.addProperty("threads", Runtime.getRuntime().availableProcessors());
        json.addProperty("bfloat16", Precision.isBfloat16Fast());
        json.addProperty("max_heap_bytes", Runtime.getRuntime().maxMemory());
        return GSON.toJson(json);
    }

    /** Writes a network's programs; see {@link Bridge#program}. */
    static String program(Block block, Output output, Shape input, Precision precision) {
        Map<String, Parameter> parameters = StateDict.of(block);
        List<String> names = List.copyOf(parameters.keySet());
        List<String> trained =
                names.stream().filter(name -> parameters.get(name).requiresGradient()).toList();
        Graph graph = GraphBuilder.describe(block, parameters);
        Window.Pair images = new Window.Pair((int) input.get(2), (int) input.get(3));
        String loss =
                output instanceof Autoencoding autoencoding
                        ? new Elbo(autoencoding.likelihood(), 0).program()
                        : new Classification(0).program();
        return "# A training step\n"
                + Programs.training(
                        graph, images, precision, names, trained, true, loss, false, List.of(),
                        Set.of(), null)
                + "# Evaluation\n"
                + Programs.evaluation(graph, images, precision, names, true, false);
    }

    static String models() {
        JsonArray list = new JsonArray();
        for (String name : Models.names()) {
            Models.Model model = Models.get(name);
            Summary summary = Summary.of(model.build(model.output()), shape(model), 1);
            JsonObject json = new JsonObject();
            json.addProperty("name", name);
            json.addProperty("description", model.description());
            json.addProperty("parameters", summary.parameters());
            json.addProperty("trainable_parameters", summary.trainableParameters());
            json.addProperty("multiply_adds", summary.multiplyAdds());
            json.add("input", GSON.toJsonTree(shape(model)));
            json.add("options", GSON.toJsonTree(model.options()));
            list.add(json);
        }
        return GSON.toJson(list);
    }

    /** Returns the usual shape (N, C, H, W) of a network's input, for one image. */
    static Shape shape(Models.Model model) {
        return new Shape(model.input().batch(1));
    }

    static String datasets() {
        JsonArray list = new JsonArray();
        for (String name : Datasets.names()) {
            DatasetDescriptor dataset = Datasets.descriptor(name);
            JsonObject json = new JsonObject();
            json.addProperty("name", name);
            json.addProperty("description", dataset.description());
            ImageShape shape = dataset.shape();
            int[] lengths =
                    shape == null
                            ? new int[0]
                            : new int[] {shape.channels(), shape.height(), shape.width()};
            json.add("shape", GSON.toJsonTree(lengths));
            json.add("classes", GSON.toJsonTree(dataset.classes()));
            json.addProperty("train", dataset.train());
            json.addProperty("test", dataset.test());
            list.add(json);
        }
        return GSON.toJson(list);
    }

    /**
     * Summarizes a network; see {@link Bridge#summary}.
     *
     * @throws UserException if the shape does not fit
     */
    static String summary(String model, Block block, Shape input, int depth) {
        Models.get(model).requireSize(input.get(2), input.get(3));
        try {
            return toJson(model, input, Summary.of(block, input, Math.max(1, depth)));
        } catch (ArithmeticException overflow) {
            throw new UserException(
                    "The multiply-adds exceed 64 bits. Received: an input of "
                            + input
                            + ". Give a smaller one.",
                    overflow);
        }
    }

    /**
     * Checks the shape of an input.
     *
     * @param shape (N, C, H, W)
     * @param channels the required number of channels, or null for any
     * @return the shape
     * @throws UserException if it is invalid
     */
    static Shape inputShape(long[] shape, Integer channels) {
        boolean fits =
                shape.length == 4
                        && Arrays.stream(shape).allMatch(size -> size > 0 && size <= LARGEST_SIZE);
        if (!fits || (channels != null && shape[1] != channels)) {
            throw UserException.of(
                    "The input's shape is invalid. Received: %s. Allowed: (N, %s, H, W) with"
                            + " numbers from 1 to %s.",
                    Arrays.toString(shape), channels == null ? "C" : channels, LARGEST_SIZE);
        }
        return new Shape(shape);
    }

    private static String toJson(String model, Shape input, Summary summary) {
        JsonObject total = GSON.toJsonTree(summary).getAsJsonObject();
        JsonObject json = new JsonObject();
        json.addProperty("model", model);
        json.add("input", GSON.toJsonTree(input));
        json.add("layers", total.remove("layers"));
        json.add("total", total);
        return GSON.toJson(json);
    }
}
