package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.initializer.Initializer;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.djlresnet.FormulaValues;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.engine.Precision;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Autoencoding;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Inference;
import org.djlresnet.model.Likelihood;
import org.djlresnet.model.Models;
import org.djlresnet.model.Network;
import org.djlresnet.model.Specification;
import org.djlresnet.model.StateDict;
import org.djlresnet.objective.Elbo;
import org.djlresnet.objective.Metric;
import org.djlresnet.objective.Minibatch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Compares outputs, losses and gradients of autoencoders with PyTorch's, in float64.
 * tests/golden/autoencoders.py computed them and defines weights and batches.
 */
class AutoencoderGoldenTest {

    private static final int BATCH = 3;
    private static final int LATENT = 5;
    private static final float WEIGHT = 0.7f;
    private static final double TOLERANCE = 1e-6;

    @BeforeAll
    static void recordInCollectorsOnly() {
        EngineTraits.of(Engine.getInstance()).disableRecording();
    }

    static Stream<JsonObject> cases() throws IOException {
        try (Reader reader =
                new InputStreamReader(
                        AutoencoderGoldenTest.class.getResourceAsStream(
                                "/golden/autoencoders.json"),
                        StandardCharsets.UTF_8)) {
            JsonArray cases = JsonParser.parseReader(reader).getAsJsonArray();
            return StreamSupport.stream(cases.spliterator(), false)
                    .map(JsonElement::getAsJsonObject);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agreesWithPyTorch(JsonObject golden) {
        Elbo objective =
                new Elbo(
                        likelihood(golden.get("objective").getAsString()),
                        golden.get("free_bits").getAsDouble());
        try (Network network = network(golden);
                NDManager manager = network.manager().newSubManager();
                Inference compiled = new Inference(network, Precision.FLOAT32, true)) {
            Minibatch batch = batch(manager, golden);
            NDList inputs = batch.inputs(network.inputs());
            assertOutputs(golden, network.forward(inputs, false));
            assertOutputs(golden, compiled.forward(inputs));
            assertStep(golden, new BlockPass(network, objective).run(batch));
            try (GradientPass pass =
                    new ProgramPass(
                            network,
                            network.graph(),
                            objective,
                            image(golden),
                            Precision.FLOAT32,
                            false,
                            false,
                            null)) {
                assertStep(golden, pass.run(batch));
            }
        }
    }

    private static void assertOutputs(JsonObject golden, NDList outputs) {
        List<String> names = List.of("decoded", "mean", "log_variance");
        for (int i = 0; i < names.size(); i++) {
            JsonArray expected = golden.getAsJsonArray(names.get(i));
            double[] values = outputs.get(i).toDoubleArray();
            double[] found = i == 0 ? projections(values) : values;
            assertEquals(expected.size(), found.length);
            for (int at = 0; at < found.length; at++) {
                assertEquals(
                        expected.get(at).getAsDouble(), found[at], TOLERANCE, names.get(i) + at);
            }
        }
    }

    /** Projects each image, because there are too many pixels to store. */
    private static double[] projections(double[] images) {
        int pixels = images.length / BATCH;
        double[] projections = new double[BATCH];
        for (int i = 0; i < BATCH; i++) {
            projections[i] =
                    projection("decoded", Arrays.copyOfRange(images, i * pixels, (i + 1) * pixels));
        }
        return projections;
    }

    private static double projection(String name, double[] values) {
        double[] direction = FormulaValues.uniform("direction " + name, values.length);
        for (int i = 0; i < direction.length; i++) {
            direction[i] = 2 * direction[i] - 1;
        }
        return product(values, direction);
    }

    private static void assertStep(JsonObject golden, GradientPass.Result result) {
        Map<String, Double> found = new HashMap<>();
        found.put(Metric.LOSS, result.value().loss().getDouble());
        result.value().sums().forEach((name, sum) -> found.put(name, sum.getDouble() / BATCH));
        assertAgree(golden.getAsJsonObject("terms"), found, 1e-9);
        Map<String, Double> norms = new HashMap<>();
        Map<String, Double> projections = new HashMap<>();
        result.gradients()
                .byName()
                .forEach(
                        (name, gradient) -> {
                            double[] values = gradient.toDoubleArray();
                            norms.put(name, Math.sqrt(product(values, values)));
                            projections.put(name, projection(name, values));
                        });
        JsonObject expected = golden.getAsJsonObject("norms");
        double largest =
                expected.asMap().values().stream()
                        .mapToDouble(JsonElement::getAsDouble)
                        .max()
                        .orElseThrow();
        // a bias before batch normalization has a gradient of rounding only
        assertAgree(expected, norms, 1e-9 * largest);
        JsonObject signed = golden.getAsJsonObject("projections");
        assertEquals(signed.keySet(), projections.keySet());
        projections.forEach(
                (name, value) ->
                        assertEquals(
                                signed.get(name).getAsDouble(),
                                value,
                                TOLERANCE * norms.get(name) + 1e-9 * largest,
                                name));
        result.gradients().close();
    }

    private static double product(double[] first, double[] second) {
        double sum = 0;
        for (int i = 0; i < first.length; i++) {
            sum += first[i] * second[i];
        }
        return sum;
    }

    /** Asserts values that agree to a relative or an absolute difference. */
    private static void assertAgree(JsonObject expected, Map<String, Double> found, double least) {
        assertEquals(expected.keySet(), found.keySet());
        found.forEach(
                (name, value) -> {
                    double wanted = expected.get(name).getAsDouble();
                    double difference = Math.abs(value - wanted);
                    assertTrue(
                            difference <= Math.max(TOLERANCE * Math.abs(wanted), least),
                            name + ": " + value + ", expected " + wanted);
                });
    }

    private static Likelihood likelihood(String objective) {
        return switch (objective) {
            case "keng2017" -> Likelihood.BERNOULLI;
            case "gaussian" -> Likelihood.OPTIMAL_GAUSSIAN;
            case "learned-gaussian" -> Likelihood.GAUSSIAN;
            default -> Likelihood.DISCRETIZED_LOGISTIC;
        };
    }

    private static ImageShape image(JsonObject golden) {
        int side = golden.get("side").getAsInt();
        return new ImageShape(golden.get("channels").getAsInt(), side, side);
    }

    private static Minibatch batch(NDManager manager, JsonObject golden) {
        Shape shape = new Shape(image(golden).batch(BATCH));
        double[] pixels = FormulaValues.uniform("images", (int) shape.size());
        float[] images = new float[pixels.length];
        for (int i = 0; i < images.length; i++) {
            images[i] =
                    (float) (Math.max(0, Math.min(255, Math.floor(300 * pixels[i]) - 20)) / 255);
        }
        double[] uniform = FormulaValues.uniform("noise", BATCH * LATENT);
        float[] noise = new float[uniform.length];
        for (int i = 0; i < noise.length; i++) {
            noise[i] = (float) (3.4 * uniform[i] - 1.7);
        }
        int classes = Math.max(1, golden.get("classes").getAsInt());
        int[] labels = new int[BATCH];
        for (int place = 0; place < BATCH; place++) {
            labels[place] = (7 * place + 3) % classes;
        }
        Minibatch batch =
                new Minibatch(
                        manager.create(images, shape).toType(DataType.FLOAT64, false),
                        manager.create(labels));
        NDArray drawn = manager.create(noise, new Shape(BATCH, LATENT));
        return batch.with(drawn.toType(DataType.FLOAT64, false), WEIGHT);
    }

    private static Network network(JsonObject golden) {
        ImageShape image = image(golden);
        int classes = golden.get("classes").getAsInt();
        String objective = golden.get("objective").getAsString();
        Autoencoding output =
                new Autoencoding(
                        image,
                        LATENT,
                        likelihood(objective),
                        objective.equals("keng2017"),
                        classes == 0 ? List.of() : Classes.numbered(classes).names());
        String model = golden.get("model").getAsString();
        Map<String, Initializer> values = new HashMap<>();
        for (String tensor : StateDict.of(Models.get(model).build(output)).keySet()) {
            values.put(
                    tensor,
                    (manager, shape, any) ->
                            manager.create(FormulaValues.weights(tensor, shape), shape));
        }
        Network network =
                Network.of(
                        new Specification(
                                model, image.channels(), output, Preprocessing.exact(image)),
                        Device.cpu(),
                        values,
                        0);
        for (Parameter parameter : network.parameters().values()) {
            NDArray array = parameter.getArray();
            array.intern(array.toType(DataType.FLOAT64, true));
            array.setRequiresGradient(parameter.requiresGradient());
        }
        return network;
    }
}
