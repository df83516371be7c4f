package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
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
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.djlresnet.FormulaValues;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.engine.Precision;
import org.djlresnet.image.ImageShape;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Models;
import org.djlresnet.model.Network;
import org.djlresnet.model.Specification;
import org.djlresnet.model.StateDict;
import org.djlresnet.objective.Classification;
import org.djlresnet.objective.Minibatch;
import org.djlresnet.optimizer.Gradients;
import org.djlresnet.optimizer.Optimizer;
import org.djlresnet.optimizer.Optimizers;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Compares the losses of a recipe's first steps with PyTorch's, on the same weights and batches.
 * tests/golden/first_losses.py computed them and defines the networks, weights and batches.
 *
 * <p>In float64: with a learning rate of 0.1 rounding grows so quickly that after 25 steps
 * PyTorch's own float32 differs from its float64 by up to 0.7.
 */
class FirstLossesTest {

    private static final int CLASSES = 10;
    private static final ImageShape IMAGE = new ImageShape(3, 16, 16);
    private static final int BATCH = 8;

    @BeforeAll
    static void recordInCollectorsOnly() {
        EngineTraits.of(Engine.getInstance()).disableRecording();
    }

    static Stream<JsonObject> cases() throws IOException {
        try (Reader reader =
                new InputStreamReader(
                        FirstLossesTest.class.getResourceAsStream("/golden/first_losses.json"),
                        StandardCharsets.UTF_8)) {
            JsonArray cases = JsonParser.parseReader(reader).getAsJsonArray();
            return StreamSupport.stream(cases.spliterator(), false)
                    .map(JsonElement::getAsJsonObject);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agreeWithPyTorch(JsonObject golden) throws IOException {
        Recipe recipe = recipe(golden.get("recipe").getAsString());
        // 391 steps an epoch, as with 50,000 images
        Schedule schedule = new Schedule(recipe, 391, Rows.LOSS);
        try (Network network = network(golden.get("model").getAsString());
                GradientPass pass =
                        new ProgramPass(
                                network,
                                network.graph(),
                                new Classification(CLASSES),
                                IMAGE,
                                Precision.FLOAT32,
                                false,
                                false,
                                null);
                Optimizer optimizer =
                        Optimizers.create(
                                recipe, network.parameters(), network.manager(), Map.of())) {
            JsonArray losses = golden.getAsJsonArray("losses");
            for (int step = 0; step < losses.size(); step++) {
                try (NDManager manager = network.manager().newSubManager()) {
                    GradientPass.Result result = pass.run(batch(manager, step));
                    double loss = result.value().loss().getDouble();
                    try (Gradients gradients = result.gradients()) {
                        optimizer.step(gradients.byName(), schedule.lr(step, List.of()));
                    }
                    assertEquals(losses.get(step).getAsDouble(), loss, 1e-6, "step " + step);
                }
            }
        }
    }

    private static Recipe recipe(String name) throws IOException {
        String text = Files.readString(Path.of("py_djl_resnet", "recipes", name + ".json"));
        JsonObject settings = JsonParser.parseString(text).getAsJsonObject();
        settings.remove("about");
        return Recipe.fromJson(settings.toString());
    }

    private static Minibatch batch(NDManager manager, int step) {
        Shape shape = new Shape(IMAGE.batch(BATCH));
        double[] uniform = FormulaValues.uniform("images" + step, (int) shape.size());
        float[] images = new float[uniform.length];
        for (int i = 0; i < images.length; i++) {
            images[i] = (float) (3.4 * uniform[i] - 1.7);
        }
        int[] labels = new int[BATCH];
        for (int place = 0; place < BATCH; place++) {
            labels[place] = (7 * place + 3 * step) % CLASSES;
        }
        return new Minibatch(
                manager.create(images, shape).toType(DataType.FLOAT64, false),
                manager.create(labels));
    }

    private static Network network(String name) {
        Map<String, Initializer> values = new HashMap<>();
        for (String tensor : StateDict.of(Models.get(name).build(CLASSES)).keySet()) {
            values.put(
                    tensor,
                    (manager, shape, any) ->
                            manager.create(FormulaValues.weights(tensor, shape), shape));
        }
        Network network =
                Network.of(
                        new Specification(name, 3, Classes.numbered(CLASSES), null),
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
