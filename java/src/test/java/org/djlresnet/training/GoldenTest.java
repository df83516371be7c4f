package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.initializer.Initializer;
import java.net.URISyntaxException;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.zip.CRC32;
import org.djlresnet.checkpoint.SafetensorsFile;
import org.djlresnet.data.SplitMix64;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.engine.Precision;
import org.djlresnet.image.ImageShape;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Inference;
import org.djlresnet.model.Models;
import org.djlresnet.model.Network;
import org.djlresnet.model.Specification;
import org.djlresnet.model.StateDict;
import org.djlresnet.objective.Classification;
import org.djlresnet.objective.Minibatch;
import org.djlresnet.objective.Objective;
import org.djlresnet.optimizer.Gradients;
import org.djlresnet.optimizer.Optimizer;
import org.djlresnet.optimizer.Optimizers;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Compares networks with torchvision and timm on the same weights and images, in evaluation mode
 * and after two steps of SGD with momentum and weight decay.
 *
 * <p>On PyTorch both blocks and programs are compared. tests/golden/torchvision_outputs.py computes
 * the expected outputs and defines the weights.
 */
class GoldenTest {

    private static final int CLASSES = 10;
    private static final Shape IMAGES = new Shape(4, 3, 64, 64);
    private static final double TOLERANCE = 1e-4;
    private static final double LR = 0.01;
    private static final Recipe RECIPE =
            Recipe.fromJson(
                    "{\"momentum\": 0.9, \"weight_decay\": 0.001, \"decay_bias_and_norm\": true}");

    private static SafetensorsFile file;

    @BeforeAll
    static void open() throws URISyntaxException {
        EngineTraits.of(Engine.getInstance()).disableRecording();
        file =
                SafetensorsFile.read(
                        Path.of(
                                GoldenTest.class
                                        .getResource("/golden/torchvision.safetensors")
                                        .toURI()));
    }

    @Test
    @Tag("engine")
    void basicBlocks() {
        agrees("resnet18");
    }

    @Test
    @Tag("engine")
    void groupedBottlenecks() {
        agrees("resnext50_32x4d");
    }

    @Test
    @Tag("engine")
    void deepStemAndPooledShortcut() {
        agrees("resnet50+deep_stem+pooled_shortcut");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "resnet34",
                "resnet50",
                "resnet101",
                "resnet152",
                "wide_resnet50_2",
                "resnet50+stride_in_1x1"
            })
    void otherNames(String name) {
        agrees(name);
    }

    private static void agrees(String name) {
        agrees(name, false);
        if (EngineTraits.of(Engine.getInstance()).compiles()) {
            agrees(name, true);
        }
    }

    private static void agrees(String name, boolean compile) {
        try (Network network = network(name);
                NDManager manager = network.manager().newSubManager()) {
            NDArray images = manager.create(values("input", IMAGES), IMAGES);
            assertAgrees(name + "/evaluation", evaluate(network, images, compile));
            float[] losses = new float[3];
            try (GradientPass pass = pass(network, compile);
                    Optimizer sgd =
                            Optimizers.create(
                                    RECIPE, network.parameters(), network.manager(), Map.of())) {
                losses[0] = step(network, images, pass, sgd);
                losses[1] = step(network, images, pass, sgd);
                if (EngineTraits.of(Engine.getInstance()).compiles()) {
                    // MXNet's running variances are biased, PyTorch's are not
                    assertAgrees(name + "/after", evaluate(network, images, compile));
                }
                losses[2] = step(network, images, pass, sgd);
            }
            assertAgrees(name + "/losses", manager.create(losses));
        }
    }

    private static NDArray evaluate(Network network, NDArray images, boolean compile) {
        try (Inference inference = new Inference(network, Precision.FLOAT32, compile)) {
            return inference.forward(images);
        }
    }

    private static GradientPass pass(Network network, boolean compile) {
        Objective objective = new Classification(CLASSES);
        if (!compile) {
            return new BlockPass(network, objective);
        }
        ImageShape shape = new ImageShape(3, 64, 64);
        return new ProgramPass(
                network, network.graph(), objective, shape, Precision.FLOAT32, false, false, null);
    }

    private static float step(Network network, NDArray images, GradientPass pass, Optimizer sgd) {
        try (NDManager manager = network.manager().newSubManager()) {
            NDArray batch = images.duplicate();
            batch.attach(manager);
            GradientPass.Result result =
                    pass.run(new Minibatch(batch, manager.create(new int[] {0, 1, 2, 3})));
            try (Gradients gradients = result.gradients()) {
                sgd.step(gradients.byName(), LR);
            }
            return result.value().loss().getFloat();
        }
    }

    private static Network network(String name) {
        Map<String, Initializer> values = new HashMap<>();
        for (String tensor : StateDict.of(Models.get(name).build(CLASSES)).keySet()) {
            values.put(
                    tensor, (manager, shape, type) -> manager.create(values(tensor, shape), shape));
        }
        return Network.of(
                new Specification(name, 3, Classes.numbered(CLASSES), null),
                Device.cpu(),
                values,
                0);
    }

    private static void assertAgrees(String name, NDArray actual) {
        float[] values = actual.toFloatArray();
        FloatBuffer expected = file.data(name).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
        assertEquals(expected.remaining(), values.length, name);
        double largest = 0;
        double difference = 0;
        for (int i = 0; i < values.length; i++) {
            largest = Math.max(largest, Math.abs(expected.get(i)));
            difference = Math.max(difference, Math.abs(expected.get(i) - values[i]));
        }
        assertTrue(
                difference <= TOLERANCE * largest,
                name
                        + ": the largest difference is "
                        + difference
                        + ", the largest output "
                        + largest);
    }

    /** Computes the weights, in double precision until the last step. */
    private static float[] values(String name, Shape shape) {
        CRC32 crc = new CRC32();
        crc.update(name.getBytes(StandardCharsets.UTF_8));
        SplitMix64 random = new SplitMix64(crc.getValue());
        double scale = shape.dimension() > 1 ? Math.sqrt(6.0 / (shape.size() / shape.get(0))) : 0.2;
        float[] values = new float[(int) shape.size()];
        for (int i = 0; i < values.length; i++) {
            double u = random.nextFloat();
            if (name.endsWith("running_var")) {
                values[i] = (float) (0.5 + u);
            } else if (name.equals("input")) {
                values[i] = (float) (2 * u - 1);
            } else if (shape.dimension() == 1 && name.endsWith("weight")) {
                double small = name.endsWith("bn3.weight") ? 0.0625 : 1;
                small = name.endsWith("bn2.weight") ? 0.25 : small;
                values[i] = (float) ((0.25 + 0.5 * u) * small);
            } else {
                values[i] = (float) ((2 * u - 1) * scale);
            }
        }
        return values;
    }
}
