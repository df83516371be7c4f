package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.optimizer.NormClipping;
import org.djlresnet.optimizer.Optimizer;
import org.djlresnet.optimizer.Optimizers;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Compares 20 steps with PyTorch's. tests/golden/optimizers.py computed the expected values, and
 * defines parameters and gradients.
 */
class OptimizerGoldenTest {

    private static final int STEPS = 20;
    private static final JsonObject GOLDEN = read();

    private static JsonObject read() {
        try (Reader reader =
                new InputStreamReader(
                        OptimizerGoldenTest.class.getResourceAsStream("/golden/optimizers.json"),
                        StandardCharsets.UTF_8)) {
            return JsonParser.parseReader(reader).getAsJsonObject();
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    static Stream<JsonObject> cases() {
        return StreamSupport.stream(GOLDEN.getAsJsonArray("cases").spliterator(), false)
                .map(JsonElement::getAsJsonObject);
    }

    private static Parameter.Type type(String name) {
        return switch (name) {
            case "bn1.weight" -> Parameter.Type.GAMMA;
            case "bn1.bias" -> Parameter.Type.BETA;
            case "fc.bias" -> Parameter.Type.BIAS;
            default -> Parameter.Type.WEIGHT;
        };
    }

    private static Map<String, Parameter> parameters(NDManager manager) {
        Map<String, Parameter> parameters = new LinkedHashMap<>();
        for (Map.Entry<String, JsonElement> entry : GOLDEN.getAsJsonObject("shapes").entrySet()) {
            List<Long> sizes = new ArrayList<>();
            entry.getValue().getAsJsonArray().forEach(size -> sizes.add(size.getAsLong()));
            Shape shape = new Shape(sizes);
            float[] values = new float[(int) shape.size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) Math.cos(0.9 * i + parameters.size());
            }
            Parameter parameter =
                    Parameter.builder()
                            .setName(entry.getKey())
                            .setType(type(entry.getKey()))
                            .optShape(shape)
                            .optInitializer((m, s, dataType) -> m.create(values, s))
                            .build();
            parameter.initialize(manager, DataType.FLOAT32);
            parameters.put(entry.getKey(), parameter);
        }
        return parameters;
    }

    private static Map<String, NDArray> gradients(
            Map<String, Parameter> parameters, int step, NDManager scope) {
        Map<String, NDArray> gradients = new LinkedHashMap<>();
        parameters.forEach(
                (name, parameter) -> {
                    float[] values = parameter.getArray().toFloatArray();
                    for (int i = 0; i < values.length; i++) {
                        double wave = 0.3 * Math.sin(0.7 * i + 1.3 * step + gradients.size());
                        values[i] = (float) wave + values[i] / 2;
                    }
                    gradients.put(name, scope.create(values, parameter.getArray().getShape()));
                });
        return gradients;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agreesWithPyTorch(JsonObject golden) {
        Recipe recipe = Recipe.fromJson(golden.get("settings").toString());
        Schedule schedule = new Schedule(recipe, STEPS / recipe.epochs(), Rows.LOSS);
        try (NDManager manager = NDManager.newBaseManager()) {
            EngineTraits.of(manager.getEngine()).disableRecording();
            Map<String, Parameter> parameters = parameters(manager);
            try (Optimizer optimizer = Optimizers.create(recipe, parameters, manager, Map.of());
                    NormClipping clipping = new NormClipping(clip(recipe), manager)) {
                for (int step = 0; step < STEPS; step++) {
                    try (NDManager scope = manager.newSubManager()) {
                        Map<String, NDArray> gradients = gradients(parameters, step, scope);
                        clipping.apply(gradients);
                        optimizer.step(gradients, schedule.lr(step, List.of()));
                    }
                }
            }
            JsonObject expected = golden.getAsJsonObject("values");
            parameters.forEach((name, one) -> assertClose(name, expected, one.getArray()));
        }
    }

    @Test
    void larsUsesTheGlobalRateWhereANormIsZero() {
        Recipe recipe = Recipe.fromJson("{\"optimizer\": \"lars\", \"epochs\": 1}");
        try (NDManager manager = NDManager.newBaseManager()) {
            EngineTraits.of(manager.getEngine()).disableRecording();
            Map<String, Parameter> parameters = parameters(manager);
            NDArray zero = parameters.get("fc.weight").getArray();
            NDArray idle = parameters.get("conv1.weight").getArray();
            zero.subi(zero.duplicate());
            float[] before = idle.toFloatArray();
            Map<String, NDArray> gradients = gradients(parameters, 0, manager);
            float[] expected = gradients.get("fc.weight").mul(-0.5).toFloatArray();
            gradients.put("conv1.weight", idle.zerosLike());
            try (Optimizer optimizer = Optimizers.create(recipe, parameters, manager, Map.of())) {
                optimizer.step(gradients, 0.5);
            }
            assertArrayEquals(expected, zero.toFloatArray(), 1e-6f);
            assertArrayEquals(before, idle.toFloatArray());
        }
    }

    private static double clip(Recipe recipe) {
        return recipe.clipNorm() > 0 ? recipe.clipNorm() : 1e9;
    }

    private static void assertClose(String name, JsonObject expected, NDArray array) {
        JsonArray values = expected.getAsJsonArray(name);
        float[] actual = array.toFloatArray();
        assertEquals(values.size(), actual.length);
        for (int i = 0; i < actual.length; i++) {
            assertEquals(values.get(i).getAsDouble(), actual[i], 1e-5, name + " " + i);
        }
    }
}
