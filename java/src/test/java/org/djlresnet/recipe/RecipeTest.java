package org.djlresnet.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.util.List;
import org.djlresnet.UserException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RecipeTest {

    /** Every setting with its default, as docs/settings.md lists them. */
    private static final String DEFAULTS =
            """
            {"model": "d2l-resnet18", "dataset": "fashion-mnist", "data_dir": null, "epochs": 10,
             "batch_size": 256, "lr": 0.05, "momentum": 0.0, "nesterov": false,
             "weight_decay": 0.0, "decay_bias_and_norm": false, "schedule": "constant",
             "warmup_epochs": 0, "step_epochs": 30, "step_factor": 0.1, "weights": null,
             "image_size": null,
             "limit": null, "seed": 0, "engine": "pytorch", "device": "auto", "threads": null,
             "checkpoint_every": null, "keep": 0, "patience": null, "min_delta": 0.0,
             "plateau_epochs": 10, "plateau_factor": 0.1, "stochastic_depth": 0.0,
             "profile": false, "validation": null, "drop_last": null}
            """;

    /** A recipe with every setting other than its default. */
    private static final String ALL_SET =
            """
            {"model": "d2l-resnet18", "dataset": "idx", "data_dir": "/some/where", "epochs": 7,
             "batch_size": 2, "lr": 0.5, "momentum": 0.9, "nesterov": true, "weight_decay": 5e-4,
             "decay_bias_and_norm": true, "schedule": "one-cycle", "warmup_epochs": 6,
             "step_epochs": 3, "step_factor": 0.25, "weights": "start.safetensors",
             "image_size": 96, "limit": 512,
             "seed": -9223372036854775808, "engine": "mxnet", "device": "gpu:3", "threads": 4,
             "checkpoint_every": "60s", "keep": 3, "patience": 5, "min_delta": 0.001,
             "plateau_epochs": 4, "plateau_factor": 0.5, "stochastic_depth": 0.25,
             "profile": true, "validation": 0.125, "drop_last": false}
            """;

    private static String json(String singleQuoted) {
        return singleQuoted.replace('\'', '"');
    }

    private static String refusal(String singleQuoted) {
        return assertThrows(
                        UserException.class,
                        () -> Recipe.fromJson(json(singleQuoted)),
                        singleQuoted)
                .getMessage();
    }

    @Test
    void defaultsAreTheBooks() {
        Recipe recipe = Recipe.fromJson("{}");
        assertEquals(JsonParser.parseString(DEFAULTS), recipe.toTree());
        assertEquals(
                JsonParser.parseString(DEFAULTS).getAsJsonObject().keySet().stream().toList(),
                recipe.toTree().keySet().stream().toList());
        assertEquals("d2l-resnet18", recipe.model());
        assertEquals("fashion-mnist", recipe.dataset());
        assertNull(recipe.dataDir());
        assertEquals(10, recipe.epochs());
        assertEquals(256, recipe.batchSize());
        assertEquals(0.05, recipe.lr());
        assertEquals(0, recipe.momentum());
        assertFalse(recipe.nesterov());
        assertEquals(0, recipe.weightDecay());
        assertFalse(recipe.decayBiasAndNorm());
        assertEquals("constant", recipe.schedule());
        assertEquals(0, recipe.warmupEpochs());
        assertEquals(30, recipe.stepEpochs());
        assertEquals(0.1, recipe.stepFactor());
        assertNull(recipe.imageSize());
        assertNull(recipe.limit());
        assertEquals(0, recipe.seed());
        assertEquals("pytorch", recipe.engine());
        assertEquals("auto", recipe.device());
        assertNull(recipe.threads());
        assertNull(recipe.checkpointEvery());
        assertEquals(0, recipe.keep());
        assertNull(recipe.patience());
        assertNull(recipe.validationFraction());
        assertNull(recipe.validationFile());
        assertNull(recipe.dropLast());
    }

    @Test
    void everySettingIsRead() {
        Recipe recipe = Recipe.fromJson(ALL_SET);
        assertEquals("idx", recipe.dataset());
        assertEquals("/some/where", recipe.dataDir());
        assertEquals(7, recipe.epochs());
        assertEquals(2, recipe.batchSize());
        assertEquals(0.5, recipe.lr());
        assertEquals(0.9, recipe.momentum());
        assertTrue(recipe.nesterov());
        assertEquals(0.0005, recipe.weightDecay());
        assertEquals(0.25, recipe.stochasticDepth());
        assertTrue(recipe.decayBiasAndNorm());
        assertEquals("one-cycle", recipe.schedule());
        assertEquals(6, recipe.warmupEpochs());
        assertEquals(3, recipe.stepEpochs());
        assertEquals(0.25, recipe.stepFactor());
        assertEquals("start.safetensors", recipe.weights());
        assertEquals(96, recipe.imageSize());
        assertEquals(512, recipe.limit());
        assertEquals(Long.MIN_VALUE, recipe.seed());
        assertEquals("mxnet", recipe.engine());
        assertEquals("gpu:3", recipe.device());
        assertEquals(4, recipe.threads());
        assertEquals("60s", recipe.checkpointEvery());
        assertEquals(3, recipe.keep());
        assertEquals(5, recipe.patience());
        assertEquals(0.001, recipe.minDelta());
        assertEquals(4, recipe.plateauEpochs());
        assertEquals(0.5, recipe.plateauFactor());
        assertTrue(recipe.profile());
        assertEquals(0.125, recipe.validationFraction());
        assertNull(recipe.validationFile());
        assertEquals(false, recipe.dropLast());
    }

    @Test
    void validationIsAFractionOrAFile() {
        Recipe recipe = Recipe.fromJson(json("{'validation': '0.1', 'drop_last': true}"));
        assertEquals("0.1", recipe.validationFile());
        assertNull(recipe.validationFraction());
        assertEquals(true, recipe.dropLast());
    }

    @Test
    void comesBackAsItWasWritten() {
        for (String text : new String[] {"{}", ALL_SET}) {
            Recipe recipe = Recipe.fromJson(text);
            assertEquals(recipe.toTree(), Recipe.fromJson(recipe.toJson()).toTree());
            assertEquals(recipe.toJson(), Recipe.fromJson(recipe.toJson()).toJson());
        }
    }

    @Test
    void wholeNumbersMayBeWrittenInOtherWays() {
        Recipe recipe = Recipe.fromJson(json("{'epochs': 3.0, 'batch_size': 1e2, 'lr': 1}"));
        assertEquals(3, recipe.epochs());
        assertEquals(100, recipe.batchSize());
        assertEquals(1.0, recipe.lr());
        // as the caller's language knows whole numbers
        assertTrue(recipe.toJson().contains("\"epochs\": 3,"), recipe.toJson());
    }

    @Test
    void versionsOfAWrittenRecipeAreNotRead() {
        String written = "{'versions': {'java': '17', 'x': [1, {}]}, 'epochs': 3}";
        Recipe recipe = Recipe.fromJson(json(written));
        assertEquals(3, recipe.epochs());
        assertFalse(recipe.toTree().has("versions"));
    }

    @Test
    void anUnknownSettingGetsTheNearestName() {
        String message = refusal("{'epoch': 3}");
        assertTrue(
                message.startsWith("Unknown setting. Received: 'epoch'. Allowed: model, dataset,"),
                message);
        assertTrue(message.endsWith(" Did you mean \"epochs\"?"), message);
        String far = refusal("{'colour_of_the_sky': 3}");
        assertTrue(far.startsWith("Unknown setting. Received: 'colour_of_the_sky'."), far);
        assertTrue(far.endsWith(", validation, drop_last."), far);
    }

    @Test
    void aDoubledKeyIsRefused() {
        assertEquals(
                "\"lr\" is in the recipe twice. Keep one.",
                refusal("{'lr': 0.1, 'epochs': 1, 'lr': 2}"));
        assertEquals(
                "\"limit\" is in the recipe twice. Keep one.", refusal("{'limit':null,'limit':3}"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "epochs        | 0          | a whole number from 1 to 1000000",
                "epochs        | -1         | a whole number from 1 to 1000000",
                "epochs        | 1.5        | a whole number from 1 to 1000000",
                "epochs        | 1000001    | a whole number from 1 to 1000000",
                "epochs        | 1e999999   | a whole number from 1 to 1000000",
                "epochs        | '3'        | a whole number from 1 to 1000000",
                "epochs        | null       | a whole number from 1 to 1000000",
                "epochs        | true       | a whole number from 1 to 1000000",
                "batch_size    | 1          | a whole number from 2 to 65536",
                "batch_size    | 65537      | a whole number from 2 to 65536",
                "lr            | -0.1       | a number from 0 to 1000",
                "lr            | 1000.1     | a number from 0 to 1000",
                "lr            | 1e400      | a number from 0 to 1000",
                "lr            | '0.1'      | a number from 0 to 1000",
                "lr            | [0.1]      | a number from 0 to 1000",
                "lr            | {'a':[{}]} | a number from 0 to 1000",
                "momentum      | 1          | a number from 0 to 0.9999",
                "weight_decay  | 1.1        | a number from 0 to 1",
                "step_factor   | -1         | a number from 0 to 1",
                "step_epochs   | 0          | a whole number from 1 to 1000000",
                "warmup_epochs | -1         | a whole number from 0 to 1000000",
                "nesterov      | 1          | true or false",
                "nesterov      | 'true'     | true or false",
                "image_size    | 0          | a whole number from 1 to 4096, or null",
                "limit         | 1          | a whole number from 2 to 2147483647, or null",
                "limit         | 2147483648 | a whole number from 2 to 2147483647, or null",
                "threads       | 0          | a whole number from 1 to 1024, or null",
                "data_dir      | 7          | a folder's path, or null",
                "weights       | ''         | a .safetensors file's path, or null",
                "device        | 'gpu:'     | auto, cpu, gpu or gpu:N",
                "device        | 'gpu:1000' | auto, cpu, gpu or gpu:N",
                "device        | 0          | auto, cpu, gpu or gpu:N",
                "schedule      | 'linear'   | constant, step, cosine, one-cycle",
                "engine        | 'jax'      | pytorch, mxnet",
                "engine        | null       | pytorch, mxnet",
                "stochastic_depth | 1       | a number from 0 to 0.95",
                "dataset       | 'imagenet' | fashion-mnist, cifar-10, idx, arrays",
                "validation    | 0          | a number above 0 and below 1, or a file's path, or null",
                "validation    | 1          | a number above 0 and below 1, or a file's path, or null",
                "validation    | ''         | a number above 0 and below 1, or a file's path, or null",
                "validation    | true       | a number above 0 and below 1, or a file's path, or null",
                "drop_last     | 0          | true or false, or null",
                "drop_last     | 'true'     | true or false, or null",
                "checkpoint_every | 5       | STEPS, or SECONDS followed by s, or null",
                "checkpoint_every | '0'     | STEPS, or SECONDS followed by s, or null",
                "model         | ['x']      | a network's name, with options after plus",
            })
    void aBadValueIsNamedWithWhatIsAllowed(String key, String value, String allowed) {
        String message = refusal("{'" + key + "': " + value + "}");
        String shown =
                value.startsWith("[") ? "a list" : value.startsWith("{") ? "an object" : value;
        String start =
                "Wrong value for \"" + key + "\". Received: " + shown + ". Allowed: " + allowed;
        assertTrue(message.startsWith(start), message);
    }

    @Test
    void aBadChoiceGetsTheNearestName() {
        String message = refusal("{'model': 'd2l-resnet-18'}");
        assertTrue(message.contains(" Did you mean 'd2l-resnet18'?"), message);
        assertTrue(refusal("{'schedule': 'cosin'}").endsWith(" Did you mean 'cosine'?"));
        assertTrue(refusal("{'dataset': 'cifar-11'}").endsWith(" Did you mean 'cifar-10'?"));
    }

    @Test
    void aNetworksOptionsAreChecked() {
        assertEquals(
                "resnet50+deep_stem",
                Recipe.fromJson(json("{'model': 'resnet50+deep_stem'}")).model());
        String message = refusal("{'model': 'resnet50+deep_stm'}");
        assertTrue(message.contains("Did you mean 'deep_stem'?"), message);
    }

    @Test
    void aSeedBeyond64BitsIsRefused() {
        assertEquals(Long.MAX_VALUE, Recipe.fromJson(json("{'seed': 9223372036854775807}")).seed());
        String message = refusal("{'seed': 9223372036854775808}");
        assertTrue(
                message.startsWith("Wrong value for \"seed\". Received: 9223372036854775808."),
                message);
    }

    @Test
    void settingsThatContradictEachOtherAreRefused() {
        assertEquals(
                "\"nesterov\" needs \"momentum\" above 0. Received: 0.",
                refusal("{'nesterov': true}"));
        assertEquals(
                "\"warmup_epochs\" must be below \"epochs\". Received: 3 and 3.",
                refusal("{'epochs': 3, 'warmup_epochs': 3}"));
    }

    @Test
    void doubleQuotesHoldNamesOfSettingsOnly() {
        for (String value : new String[] {"'seed'", "['seed']", "{'seed': 1}", "'\\'seed\\''"}) {
            for (String key : List.of("model", "dataset", "device", "schedule", "epochs")) {
                String message = refusal("{'" + key + "': " + value + "}");
                assertFalse(message.contains("\"seed\""), message);
                assertTrue(message.contains("\"" + key + "\""), message);
            }
        }
    }

    @Test
    void aResumedRunKeepsWhatItsResultDependsOn() {
        Recipe recipe = Recipe.fromJson(json("{'schedule': 'step'}"));
        JsonObject changes = new JsonObject();
        changes.addProperty("lr", 0.5);
        changes.addProperty("weights", "seed");
        changes.addProperty("batch_size", 256);
        changes.addProperty("epochs", 20);
        String message =
                assertThrows(SettingException.class, () -> recipe.resumedWith(changes))
                        .getMessage();
        assertEquals(
                "A resumed run keeps these settings: \"lr\" 0.5 (it is 0.05), \"weights\" 'seed' (it"
                        + " is null). Allowed to change: \"data_dir\", \"epochs\", \"device\","
                        + " \"threads\", \"checkpoint_every\", \"keep\", \"profile\".",
                message);
        changes.remove("lr");
        changes.remove("weights");
        assertEquals(20, recipe.resumedWith(changes).epochs());
        changes.addProperty("epochs", 0);
        assertThrows(SettingException.class, () -> recipe.resumedWith(changes));
    }

    @Test
    void epochsOfASpanningScheduleCannotChange() {
        JsonObject changes = new JsonObject();
        changes.addProperty("epochs", 20);
        for (String schedule : List.of("cosine", "one-cycle")) {
            Recipe recipe = Recipe.fromJson(json("{'schedule': '" + schedule + "'}"));
            String message =
                    assertThrows(SettingException.class, () -> recipe.resumedWith(changes))
                            .getMessage();
            assertTrue(message.startsWith("\"epochs\" cannot change"), message);
            assertTrue(message.endsWith("Received: 20. Allowed: 10. Start a new run."), message);
        }
    }

    @Test
    void argumentsAreReadByTheTypeOfTheirSetting() {
        assertEquals(new JsonPrimitive("500"), Recipe.parse("checkpoint_every", "500"));
        assertEquals(new JsonPrimitive("7"), Recipe.parse("weights", "7"));
        assertEquals(JsonNull.INSTANCE, Recipe.parse("weights", "null"));
        assertEquals(3, Recipe.parse("epochs", "3").getAsInt());
        assertEquals(0.5, Recipe.parse("validation", "0.5").getAsDouble());
        assertEquals(new JsonPrimitive("held-out.txt"), Recipe.parse("validation", "held-out.txt"));
        assertEquals(new JsonPrimitive(true), Recipe.parse("nesterov", "true"));
        assertEquals(new JsonPrimitive("[1]"), Recipe.parse("epochs", "[1]"));
    }

    @Test
    void withChangesOneSettingAndChecksIt() {
        Recipe recipe = Recipe.fromJson("{}");
        assertEquals(3, recipe.with("epochs", new JsonPrimitive(3)).epochs());
        assertEquals(10, recipe.epochs());
        assertThrows(UserException.class, () -> recipe.with("epochs", new JsonPrimitive(0)));
        assertThrows(UserException.class, () -> recipe.with("epoch", new JsonPrimitive(1)));
    }

    @Test
    void theTreeIsACopy() {
        Recipe recipe = Recipe.fromJson("{}");
        recipe.toTree().addProperty("epochs", 99);
        assertEquals(10, recipe.epochs());
    }
}
