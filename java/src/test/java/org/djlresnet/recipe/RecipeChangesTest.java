package org.djlresnet.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.UserException;
import org.junit.jupiter.api.Test;

/** Recipes made by the builder, and changed ones. */
class RecipeChangesTest {

    @Test
    void resumeRejectsChangesThatAlterTheResult() {
        Recipe recipe = Recipe.fromJson("{\"schedule\": \"step\"}");
        Map<String, Object> changes = new LinkedHashMap<>();
        changes.put("lr", 0.5);
        changes.put("weights", "seed");
        changes.put("batch_size", 256);
        changes.put("epochs", 20);
        String message =
                assertThrows(SettingException.class, () -> recipe.resumedWith(changes))
                        .getMessage();
        assertEquals(
                "A resumed run keeps these settings: \"lr\" 0.5 (it is 0.05), \"weights\" 'seed' (it"
                        + " is null). Allowed to change: \"data_dir\", \"epochs\", \"device\","
                        + " \"threads\", \"compile\", \"checkpoint_every\", \"keep\", \"profile\","
                        + " \"debug_gradients\".",
                message);
        changes.keySet().removeAll(List.of("lr", "weights"));
        assertEquals(20, recipe.resumedWith(changes).epochs());
        assertThrows(SettingException.class, () -> recipe.resumedWith(Map.of("epochs", 0)));
        assertEquals(recipe, recipe.resumedWith(Map.of("precision", "auto")));
    }

    @Test
    void resumeKeepsTheEpochsOfASpanningSchedule() {
        for (String schedule : List.of("cosine", "one-cycle")) {
            Recipe recipe = Recipe.builder().optSchedule(schedule).build();
            String message =
                    assertThrows(
                                    SettingException.class,
                                    () -> recipe.resumedWith(Map.of("epochs", 20)))
                            .getMessage();
            assertTrue(message.startsWith("\"epochs\" cannot change"), message);
            assertTrue(message.endsWith("Received: 20. Allowed: 10. Start a new run."), message);
        }
    }

    @Test
    void resumableSettingsKeepTheirValues() {
        Recipe recipe = Recipe.builder().optEpochs(3).opt("keep", 2).build();
        assertEquals(3L, recipe.resumable().get("epochs"));
        assertEquals(2L, recipe.resumable().get("keep"));
        assertFalse(recipe.resumable().containsKey("lr"));
        assertEquals(recipe, recipe.resumedWith(recipe.resumable()));
    }

    @Test
    void builderSetsWhatJsonSets() {
        Recipe built =
                Recipe.builder()
                        .optModel("resnet18")
                        .optDataset("cifar-10")
                        .optDataDir("/some/where")
                        .optEpochs(7)
                        .optBatchSize(64)
                        .optLr(0.5)
                        .optMomentum(0.9)
                        .optNesterov(true)
                        .optWeightDecay(5e-4)
                        .optSchedule("cosine")
                        .optWarmupEpochs(2)
                        .optWeights("start.safetensors")
                        .optImageSize(96)
                        .optLimit(512)
                        .optSeed(Long.MIN_VALUE)
                        .optEngine("mxnet")
                        .optDevice("cpu")
                        .optPatience(5)
                        .optValidation(0.1)
                        .opt("keep", 3)
                        .opt("drop_last", null)
                        .build();
        String same =
                """
                {"model": "resnet18", "dataset": "cifar-10", "data_dir": "/some/where",
                 "epochs": 7, "batch_size": 64, "lr": 0.5, "momentum": 0.9, "nesterov": true,
                 "weight_decay": 5e-4, "schedule": "cosine", "warmup_epochs": 2,
                 "weights": "start.safetensors", "image_size": 96, "limit": 512,
                 "seed": -9223372036854775808, "engine": "mxnet", "device": "cpu", "patience": 5,
                 "validation": 0.1, "keep": 3}
                """;
        assertEquals(Recipe.fromJson(same), built);
        assertEquals(Recipe.fromJson("{}"), Recipe.builder().build());
    }

    @Test
    void builderRejectsWhatJsonRejects() {
        assertEquals(
                "Invalid value for \"lr\". Received: NaN. Allowed: a number from 0 to 1000.",
                assertThrows(
                                SettingException.class,
                                () -> Recipe.builder().optLr(Double.NaN).build())
                        .getMessage());
        assertThrows(SettingException.class, () -> Recipe.builder().opt("epoch", 1).build());
        assertThrows(SettingException.class, () -> Recipe.builder().optNesterov(true).build());
    }

    @Test
    void withChangesOneSettingAndChecksIt() {
        Recipe recipe = Recipe.fromJson("{}");
        assertEquals(3, recipe.with("epochs", 3).epochs());
        assertEquals(10, recipe.epochs());
        assertThrows(UserException.class, () -> recipe.with("epochs", 0));
        assertThrows(UserException.class, () -> recipe.with("epoch", 1));
    }
}
