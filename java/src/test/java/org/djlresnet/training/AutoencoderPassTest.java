package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.engine.Precision;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Autoencoding;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Inference;
import org.djlresnet.model.Likelihood;
import org.djlresnet.model.Network;
import org.djlresnet.model.Specification;
import org.djlresnet.objective.Elbo;
import org.djlresnet.objective.Minibatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Compares programs of autoencoders with their blocks. */
@Timeout(300)
class AutoencoderPassTest {

    private static final ImageShape IMAGE = new ImageShape(3, 8, 8);
    private static final int LATENT = 5;
    private static final int BATCH = 6;
    private static final float WEIGHT = 0.7f;

    private static Network network(
            String model, Likelihood likelihood, boolean published, int classes, DataType type) {
        Autoencoding output =
                new Autoencoding(
                        IMAGE,
                        LATENT,
                        likelihood,
                        published,
                        classes == 0 ? List.of() : Classes.numbered(classes).names());
        Network network =
                Network.create(
                        new Specification(model, 3, output, Preprocessing.exact(IMAGE)),
                        3,
                        Device.cpu());
        EngineTraits.of(network.manager().getEngine()).disableRecording();
        for (Parameter parameter : network.parameters().values()) {
            NDArray array = parameter.getArray();
            NDArray converted = array.toType(type, true);
            if (array.getShape().dimension() == 1) {
                NDArray steps =
                        array.getManager()
                                .arange((int) array.size())
                                .toType(type, false)
                                .sin()
                                .mul(0.3);
                converted.addi(steps);
            }
            array.intern(converted);
            array.setRequiresGradient(parameter.requiresGradient());
        }
        return network;
    }

    private static Minibatch batch(NDManager manager, int step, DataType type) {
        Random random = new Random(step);
        NDArray images =
                manager.create(
                        values(random, (int) new Shape(IMAGE.batch(BATCH)).size(), false),
                        new Shape(IMAGE.batch(BATCH)));
        NDArray noise =
                manager.create(values(random, BATCH * LATENT, true), new Shape(BATCH, LATENT));
        NDArray labels = manager.create(new int[] {0, 3, 1, 2, 3, 0});
        return new Minibatch(images.toType(type, false), labels)
                .with(noise.toType(type, false), WEIGHT);
    }

    private static float[] values(Random random, int count, boolean normal) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] =
                    normal
                            ? (float) random.nextGaussian()
                            // bytes, the ends among them
                            : Math.max(0, Math.min(255, random.nextInt(300) - 20)) / 255f;
        }
        return values;
    }

    private static Map<String, double[]> steps(
            Network network, GradientPass pass, DataType type, Likelihood likelihood) {
        Map<String, double[]> found = new LinkedHashMap<>();
        for (int step = 0; step < 2; step++) {
            try (NDManager manager = network.manager().newSubManager()) {
                GradientPass.Result result = pass.run(batch(manager, step, type));
                String prefix = step + " ";
                found.put(prefix + "loss", doubles(result.value().loss()));
                result.value().sums().forEach((k, v) -> found.put(prefix + k, doubles(v)));
                result.gradients().byName().forEach((k, v) -> found.put(prefix + k, doubles(v)));
                result.gradients().close();
            }
        }
        network.stateDict()
                .forEach(
                        (name, array) -> {
                            if (name.contains("running")) {
                                found.put(name, doubles(array));
                            }
                        });
        assertEquals(
                likelihood.hasScale(), network.stateDict().containsKey("likelihood.log_scale"));
        return found;
    }

    private static double[] doubles(NDArray array) {
        return array.toType(DataType.FLOAT64, true).toDoubleArray();
    }

    private static void compare(
            Map<String, double[]> expected, Map<String, double[]> found, double tolerance) {
        assertEquals(expected.keySet(), found.keySet());
        double largest = 0;
        for (Map.Entry<String, double[]> entry : expected.entrySet()) {
            if (entry.getKey().endsWith("weight")) {
                largest = Math.max(largest, max(entry.getValue()));
            }
        }
        // a bias before batch normalization has a gradient of rounding only
        double least = 1e-3 * largest;
        expected.forEach(
                (name, values) -> {
                    double[] others = found.get(name);
                    assertEquals(values.length, others.length, name);
                    double difference = 0;
                    for (int i = 0; i < values.length; i++) {
                        difference = Math.max(difference, Math.abs(values[i] - others[i]));
                    }
                    double scale = Math.max(max(values), least);
                    assertTrue(
                            difference <= tolerance * scale,
                            name + ": " + difference + " of " + scale);
                });
    }

    private static double max(double[] values) {
        double max = 0;
        for (double value : values) {
            max = Math.max(max, Math.abs(value));
        }
        return max;
    }

    @ParameterizedTest
    @CsvSource({
        "vae-small, BERNOULLI, true, 0",
        "vae-small, OPTIMAL_GAUSSIAN, false, 4",
        "vae-small, DISCRETIZED_LOGISTIC, false, 0",
        "vae-resnet:0, GAUSSIAN, false, 4",
        "vae-resnet:1, BERNOULLI, true, 0"
    })
    void programAgreesWithBlocks(
            String model, Likelihood likelihood, boolean published, int classes) {
        Elbo objective = new Elbo(likelihood, 0.05);
        DataType type = DataType.FLOAT64;
        try (Network blocks = network(model, likelihood, published, classes, type);
                Network compiled = network(model, likelihood, published, classes, type);
                GradientPass pass =
                        new ProgramPass(
                                compiled,
                                compiled.graph(),
                                objective,
                                IMAGE,
                                Precision.FLOAT32,
                                false,
                                false,
                                null)) {
            Map<String, double[]> expected =
                    steps(blocks, new BlockPass(blocks, objective), type, likelihood);
            compare(expected, steps(compiled, pass, type, likelihood), 1e-7);
        }
    }

    /**
     * Compares values, and the 2-norm of all gradients: single ones change at the kinks of ReLUs.
     */
    @Test
    void bfloat16IsClose() {
        Elbo objective = new Elbo(Likelihood.BERNOULLI, 0);
        DataType type = DataType.FLOAT32;
        try (Network blocks = network("vae-small", Likelihood.BERNOULLI, false, 0, type);
                Network compiled = network("vae-small", Likelihood.BERNOULLI, false, 0, type);
                NDManager manager = blocks.manager().newSubManager();
                Inference exact = new Inference(compiled, Precision.FLOAT32, true);
                Inference rounded = new Inference(compiled, Precision.BFLOAT16, true);
                GradientPass pass =
                        new ProgramPass(
                                compiled,
                                compiled.graph(),
                                objective,
                                IMAGE,
                                Precision.BFLOAT16,
                                false,
                                false,
                                null)) {
            NDList inputs = batch(manager, 0, type).inputs(compiled.inputs());
            NDList outputs = exact.forward(inputs);
            NDList others = rounded.forward(inputs);
            for (int i = 0; i < outputs.size(); i++) {
                double[] values = doubles(outputs.get(i));
                double difference = distance(values, doubles(others.get(i)));
                double norm = distance(values, new double[values.length]);
                assertTrue(difference < 2e-2 * norm, "output " + i + ": " + difference / norm);
            }
            double differences = 0;
            double norms = 0;
            GradientPass.Result expected =
                    new BlockPass(blocks, objective).run(batch(manager, 0, type));
            GradientPass.Result found = pass.run(batch(manager, 0, type));
            double loss = doubles(expected.value().loss())[0];
            assertEquals(loss, doubles(found.value().loss())[0], 1e-2 * Math.abs(loss));
            Map<String, NDArray> roundedGradients = found.gradients().byName();
            for (Map.Entry<String, NDArray> entry : expected.gradients().byName().entrySet()) {
                double[] values = doubles(entry.getValue());
                differences +=
                        Math.pow(
                                distance(values, doubles(roundedGradients.get(entry.getKey()))), 2);
                norms += Math.pow(distance(values, new double[values.length]), 2);
            }
            assertTrue(differences < 0.09 * norms, Math.sqrt(differences / norms) + " of all");
        }
    }

    private static double distance(double[] values, double[] others) {
        assertEquals(values.length, others.length);
        double sum = 0;
        for (int i = 0; i < values.length; i++) {
            sum += Math.pow(values[i] - others[i], 2);
        }
        return Math.sqrt(sum);
    }

    @ParameterizedTest
    @CsvSource({"vae-small, 0", "vae-small, 4", "vae-resnet:0, 0"})
    void evaluationAgreesWithBlocks(String model, int classes) {
        Likelihood likelihood = Likelihood.GAUSSIAN;
        try (Network network = network(model, likelihood, false, classes, DataType.FLOAT32);
                NDManager manager = network.manager().newSubManager();
                Inference whole = new Inference(network, Precision.FLOAT32, true);
                Inference encoder =
                        new Inference(network, network.autoencoder().encoder(), Precision.FLOAT32);
                Inference decoder =
                        new Inference(
                                network, network.autoencoder().decoder(), Precision.FLOAT32)) {
            Minibatch batch = batch(manager, 0, DataType.FLOAT32);
            NDList expected = network.forward(batch.inputs(network.inputs()), false);
            NDList found = whole.forward(batch.inputs(network.inputs()));
            assertEquals(expected.size(), found.size());
            for (int i = 0; i < found.size(); i++) {
                compare(
                        Map.of("output", doubles(expected.get(i))),
                        Map.of("output", doubles(found.get(i))),
                        1e-4);
            }
            NDList images = new NDList(batch.images());
            if (classes > 0) {
                images.add(batch.labels());
            }
            NDList encoded = encoder.forward(images);
            NDArray latents = encoded.get(0).add(encoded.get(1).mul(0.5).exp().mul(batch.noise()));
            NDList points = new NDList(latents);
            if (classes > 0) {
                points.add(batch.labels());
            }
            NDArray decoded = decoder.forward(points).singletonOrThrow();
            compare(
                    Map.of("decoded", doubles(expected.get(0))),
                    Map.of("decoded", doubles(decoded)),
                    1e-4);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "vae-resnet:0, 26815683",
        "vae-resnet:1, 29624003",
        "vae-resnet:2, 43762627",
        "vae-resnet:3, 57901251"
    })
    void hasThePublishedNumberOfParameters(String model, long parameters) {
        ImageShape image = new ImageShape(3, 32, 32);
        Autoencoding output = new Autoencoding(image, 256, Likelihood.BERNOULLI, true, List.of());
        try (Network network =
                Network.create(
                        new Specification(model, 3, output, Preprocessing.exact(image)),
                        0,
                        Device.cpu())) {
            long sum = network.stateDict().values().stream().mapToLong(NDArray::size).sum();
            assertEquals(parameters, sum);
        }
    }
}
