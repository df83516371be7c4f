package org.djlresnet.recipe;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonParser;
import java.util.List;
import org.djlresnet.UserException;
import org.djlresnet.engine.Precision;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RecipeTest {

    /** Every default, as docs/settings.md lists them. */
    private static final String DEFAULTS =
            """
            {"model": "d2l-resnet18", "dataset": "fashion-mnist", "skip_bad": false, "data_dir": null, "epochs": 10,
             "batch_size": 256, "augment": [], "optimizer": "sgd", "lr": 0.05, "momentum": 0.0, "nesterov": false,
             "muon_momentum": 0.6, "beta1": 0.9, "beta2": 0.999, "lars_trust": 0.001, "weight_decay": 0.0, "decay_bias_and_norm": false,
             "lr_scales": null, "decay_scales": null, "freeze": null,
             "freeze_statistics": true, "clip_norm": 0.0, "accumulate": 1, "lookahead": null,
             "ema_decay": 0.0, "swa_epochs": 0, "label_smoothing": 0.0, "class_weights": null, "focal_gamma": 0.0,
             "objective": null, "sigma": "optimal", "beta": 1.0, "beta_warmup_epochs": 0, "free_bits": 0.0,
             "latent_dim": null, "conditional": false, "schedule": "constant",
             "warmup_epochs": 0, "step_epochs": 30, "step_at": null, "step_factor": 0.1,
             "restart_epochs": 10, "restart_factor": 1, "triangle_start": 0.0,
             "triangle_peak": 0.23, "triangle_end": 0.0, "weights": null,
             "image_size": null, "normalize": false, "normalize_by": null,
             "limit": null, "seed": 0, "engine": "pytorch", "device": "auto", "threads": null,
             "precision": "float32", "compile": true, "checkpoint_every": null, "keep": 0, "patience": null, "min_delta": 0.0,
             "plateau_epochs": 10, "plateau_factor": 0.1, "plateau_min": 0.0, "stochastic_depth": 0.0,
             "profile": false, "debug_gradients": "none", "validation": null, "drop_last": null}
            """;

    /** No setting has its default here, except the model and swa_epochs. */
    private static final String ALL_SET =
            """
            {"model": "d2l-resnet18", "dataset": "idx", "data_dir": "/some/where", "epochs": 7,
             "batch_size": 2, "augment": ["crop:4:reflect", "mixup:0.2"], "optimizer": "muon", "lr": 0.5, "momentum": 0.9, "nesterov": true,
             "muon_momentum": 0.5, "beta1": 0.8, "beta2": 0.99, "lars_trust": 0.002, "weight_decay": 5e-4,
             "decay_bias_and_norm": true,
             "lr_scales": "norm:64, fc.bias:1e-2", "decay_scales": "head:0", "freeze": "body:1",
             "freeze_statistics": false, "clip_norm": 2.5, "accumulate": 2,
             "lookahead": "airbench:3", "ema_decay": 0.99, "swa_epochs": 0, "label_smoothing": 0.1, "class_weights": [1, 2.5], "focal_gamma": 2.0,
             "objective": "gaussian", "sigma": "learned", "beta": 4, "beta_warmup_epochs": 5, "free_bits": 0.25,
             "latent_dim": 16, "conditional": true, "schedule": "one-cycle", "warmup_epochs": 6,
             "step_epochs": 3, "step_at": ".5, 0.75", "step_factor": 0.25,
             "restart_epochs": 3, "restart_factor": 2, "triangle_start": 0.2,
             "triangle_peak": 0.5, "triangle_end": 0.07, "weights": "start.safetensors",
             "image_size": 96, "normalize": true, "normalize_by": ".5/.25", "limit": 512,
             "seed": -9223372036854775808, "engine": "mxnet", "device": "gpu:3", "threads": 4,
             "precision": "auto", "compile": false,
             "checkpoint_every": "60s", "keep": 3, "patience": 5, "min_delta": 0.001,
             "plateau_epochs": 4, "plateau_factor": 0.5, "plateau_min": 1e-6, "stochastic_depth": 0.25,
             "profile": true, "debug_gradients": "step", "validation": 0.125, "drop_last": false}
            """;

    private static String json(String singleQuoted) {
        return singleQuoted.replace('\'', '"');
    }

    private static String rejection(String singleQuoted) {
        return assertThrows(
                        UserException.class,
                        () -> Recipe.fromJson(json(singleQuoted)),
                        singleQuoted)
                .getMessage();
    }

    @Test
    void automaticPrecisionIsFloat32ForBlocks() {
        for (String blocks : List.of("'engine': 'mxnet'", "'compile': false")) {
            Recipe recipe = Recipe.fromJson(json("{'precision': 'auto', " + blocks + "}"));
            assertEquals(Precision.FLOAT32, recipe.precision());
        }
    }

    @Test
    void hasTheBooksDefaults() {
        Recipe recipe = Recipe.fromJson("{}");
        assertEquals(JsonParser.parseString(DEFAULTS), JsonParser.parseString(recipe.toJson()));
        assertEquals(
                List.copyOf(JsonParser.parseString(DEFAULTS).getAsJsonObject().keySet()),
                List.copyOf(recipe.toMap().keySet()));
        assertNull(recipe.dataDir());
        assertNull(recipe.imageSize());
        assertNull(recipe.validationFraction());
        assertNull(recipe.validationFile());
        assertNull(recipe.dropLast());
        assertNull(recipe.lrScales());
        assertNull(recipe.freeze());
        assertNull(recipe.lookahead());
        assertNull(recipe.objective());
        assertNull(recipe.latentDim());
    }

    @Test
    void readsEverySetting() {
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
        assertArrayEquals(new double[][] {{0.5}, {0.25}}, recipe.normalizeBy());
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
        assertEquals(1e-6, recipe.plateauMin());
        assertTrue(recipe.profile());
        assertEquals(0.125, recipe.validationFraction());
        assertNull(recipe.validationFile());
        assertEquals(false, recipe.dropLast());
    }

    @Test
    void readsSettingsOfUpdates() {
        Recipe recipe = Recipe.fromJson(ALL_SET);
        assertEquals("muon", recipe.optimizer());
        assertEquals(0.5, recipe.muonMomentum());
        assertEquals(0.8, recipe.beta1());
        assertEquals(0.99, recipe.beta2());
        assertEquals(0.002, recipe.larsTrust());
        assertEquals("norm:64, fc.bias:1e-2", recipe.lrScales());
        assertEquals("head:0", recipe.decayScales());
        assertEquals("body:1", recipe.freeze());
        assertFalse(recipe.freezeStatistics());
        assertEquals(2.5, recipe.clipNorm());
        assertEquals(2, recipe.accumulate());
        assertEquals("airbench:3", recipe.lookahead());
        assertEquals(0.99, recipe.emaDecay());
        assertEquals(3, Recipe.fromJson(json("{'swa_epochs': 3}")).swaEpochs());
        assertEquals(3, recipe.restartEpochs());
        assertEquals(2, recipe.restartFactor());
        assertEquals(0.2, recipe.triangleStart());
        assertEquals(0.5, recipe.trianglePeak());
        assertEquals(0.07, recipe.triangleEnd());
    }

    @Test
    void readsSettingsOfAutoencoders() {
        Recipe recipe = Recipe.fromJson(ALL_SET);
        assertEquals("gaussian", recipe.objective());
        assertEquals("learned", recipe.sigma());
        assertEquals(4, recipe.beta());
        assertEquals(5, recipe.betaWarmupEpochs());
        assertEquals(0.25, recipe.freeBits());
        assertEquals(16, recipe.latentDim());
        assertTrue(recipe.conditional());
    }

    @Test
    void rejectsAveragesThatExcludeEachOtherOrTheRun() {
        String both = rejection("{'swa_epochs': 2, 'ema_decay': 0.9}");
        assertTrue(both.contains("exclude each other"), both);
        String longer = rejection("{'swa_epochs': 11}");
        assertEquals("\"swa_epochs\" must be at most \"epochs\". Received: 11 and 10.", longer);
    }

    @Test
    void readsValidationAsFractionOrFile() {
        Recipe recipe = Recipe.fromJson(json("{'validation': '0.1', 'drop_last': true}"));
        assertEquals("0.1", recipe.validationFile());
        assertNull(recipe.validationFraction());
        assertEquals(true, recipe.dropLast());
    }

    @Test
    void readsWhatItWrote() {
        for (String text : new String[] {"{}", ALL_SET}) {
            Recipe recipe = Recipe.fromJson(text);
            assertEquals(recipe, Recipe.fromJson(recipe.toJson()));
            assertEquals(recipe.toJson(), Recipe.fromJson(recipe.toJson()).toJson());
            assertEquals(recipe, Recipe.fromJson(recipe.toString()));
        }
    }

    @Test
    void readsIntegersInAnyNotation() {
        Recipe recipe = Recipe.fromJson(json("{'epochs': 3.0, 'batch_size': 1e2, 'lr': 1}"));
        assertEquals(3, recipe.epochs());
        assertEquals(100, recipe.batchSize());
        assertEquals(1.0, recipe.lr());
        assertTrue(recipe.toJson().contains("\"epochs\": 3,"), recipe.toJson());
    }

    @Test
    void ignoresVersionsOfAWrittenRecipe() {
        String written = "{'versions': {'java': '17', 'x': [1, {}]}, 'epochs': 3}";
        Recipe recipe = Recipe.fromJson(json(written));
        assertEquals(3, recipe.epochs());
        assertFalse(recipe.toMap().containsKey("versions"));
    }

    @Test
    void suggestsTheNearestSetting() {
        String message = rejection("{'epoch': 3}");
        assertTrue(
                message.startsWith("Unknown setting. Received: 'epoch'. Allowed: model, dataset,"),
                message);
        assertTrue(message.endsWith(" Did you mean \"epochs\"?"), message);
        String far = rejection("{'colour_of_the_sky': 3}");
        assertTrue(far.startsWith("Unknown setting. Received: 'colour_of_the_sky'."), far);
        assertTrue(far.endsWith(", validation, drop_last."), far);
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
                "augment       | 4          | a list of augmentations such as",
                "augment       | [4]        | a list of augmentations such as",
                "augment       | 'crop:0'   | crop:PIXELS or crop:PIXELS:reflect",
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
                "weights       | ''         | the path of a .safetensors file or a run folder, or null",
                "device        | 'gpu:'     | auto, cpu, gpu or gpu:N",
                "device        | 'gpu:1000' | auto, cpu, gpu or gpu:N",
                "device        | 0          | auto, cpu, gpu or gpu:N",
                "schedule      | 'linear'   | constant, step, cosine, cosine-restarts",
                "optimizer     | 'muom'     | sgd, adam, adamw, muon, lars. Did you mean 'muon'",
                "objective     | 'vae'      | classification, keng2017, bernoulli, gaussian, discretized-logistic, or null",
                "free_bits     | -1         | a number from 0 to 1000",
                "ema_decay     | 1          | a number from 0 to 0.99999",
                "accumulate    | 0          | a whole number from 1",
                "lookahead     | '5'        | K:ALPHA, such as 5:0.5",
                "lookahead     | '5:1.5'    | K:ALPHA, such as 5:0.5",
                "lookahead     | '5:0.0'    | K:ALPHA, such as 5:0.5",
                "freeze        | 'body:0'   | NAME, NAME:N (for N epochs)",
                "normalize_by  | '0.5/0.0'  | means, then / and deviations",
                "lr_scales     | 'head'     | NAME:FACTOR",
                "lr_scales     | 'head:-1'  | NAME:FACTOR",
                "freeze        | 'fc:'      | NAME, NAME:N (for N epochs)",
                "engine        | 'jax'      | pytorch, mxnet",
                "engine        | null       | pytorch, mxnet",
                "stochastic_depth | 1       | a number from 0 to 0.95",
                "dataset       | 'folder:'  | folder:DIR, fashion-mnist, mnist, kmnist, emnist-letters,"
                        + " emnist-digits, emnist-balanced, cifar-10, cifar-100, cifar-100-coarse, idx,"
                        + " arrays",
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
    void rejectsInvalidValues(String key, String value, String allowed) {
        String message = rejection("{'" + key + "': " + value + "}");
        String shown =
                value.startsWith("[") ? "a list" : value.startsWith("{") ? "an object" : value;
        String start =
                "Invalid value for \"" + key + "\". Received: " + shown + ". Allowed: " + allowed;
        assertTrue(message.startsWith(start), message);
    }

    @Test
    void suggestsTheNearestChoice() {
        String message = rejection("{'model': 'd2l-resnet-18'}");
        assertTrue(message.contains(" Did you mean 'd2l-resnet18'?"), message);
        assertTrue(rejection("{'schedule': 'cosin'}").endsWith(" Did you mean 'cosine'?"));
        assertTrue(rejection("{'dataset': 'cifar-11'}").endsWith(" Did you mean 'cifar-10'?"));
        String augment = rejection("{'augment': ['flip', 'crp:4']}");
        assertTrue(
                augment.startsWith(
                        "Invalid value for \"augment\". Received: 'crp:4'. Did you mean"
                                + " 'crop:PIXELS[:reflect]'? Allowed: crop:PIXELS[:reflect],"),
                augment);
    }

    @Test
    void augmentationsAreAListOrATextWithCommas() {
        Recipe list = Recipe.fromJson(json("{'augment': ['crop:4', 'flip']}"));
        assertEquals(list, Recipe.fromJson(json("{'augment': 'crop:4, flip'}")));
        assertEquals(list, Recipe.builder().optText("augment", "crop:4,flip").build());
        assertEquals(list, Recipe.builder().opt("augment", List.of("crop:4", "flip")).build());
        assertEquals(List.of("crop:4", "flip"), list.toMap().get("augment"));
        assertEquals("crop:4,flip", list.augment().toString());
        assertEquals(Recipe.fromJson("{}"), Recipe.fromJson(json("{'augment': 'none'}")));
    }

    @Test
    void checksOptionsOfTheNetwork() {
        assertEquals(
                "resnet50+deep_stem",
                Recipe.fromJson(json("{'model': 'resnet50+deep_stem'}")).model());
        String message = rejection("{'model': 'resnet50+deep_stm'}");
        assertTrue(message.contains("Did you mean 'deep_stem'?"), message);
    }

    @Test
    void rejectsSeedsBeyond64Bits() {
        assertEquals(Long.MAX_VALUE, Recipe.fromJson(json("{'seed': 9223372036854775807}")).seed());
        String message = rejection("{'seed': 9223372036854775808}");
        assertTrue(
                message.startsWith("Invalid value for \"seed\". Received: 9223372036854775808."),
                message);
    }

    @Test
    void rejectsConflictingSettings() {
        assertEquals(
                "\"nesterov\" needs \"momentum\" above 0. Received: 0.",
                rejection("{'nesterov': true}"));
        assertEquals(
                "\"warmup_epochs\" must be less than \"epochs\". Received: 3 and 3. Set"
                        + " \"warmup_epochs\" 0, or more \"epochs\".",
                rejection("{'epochs': 3, 'warmup_epochs': 3}"));
        assertEquals(
                "\"beta_warmup_epochs\" must be at most \"epochs\". Received: 4 and 3.",
                rejection("{'epochs': 3, 'beta_warmup_epochs': 4}"));
    }

    @Test
    void putsOnlyNamesOfSettingsInDoubleQuotes() {
        for (String value : new String[] {"'seed'", "['seed']", "{'seed': 1}", "'\\'seed\\''"}) {
            for (String key : List.of("model", "dataset", "device", "schedule", "epochs")) {
                String message = rejection("{'" + key + "': " + value + "}");
                assertFalse(message.contains("\"seed\""), message);
                assertTrue(message.contains("\"" + key + "\""), message);
            }
        }
    }

    @Test
    void readsTextByTheTypeOfItsSetting() {
        Recipe recipe =
                Recipe.builder()
                        .optText("checkpoint_every", "500")
                        .optText("weights", "7")
                        .optText("data_dir", "null")
                        .optText("epochs", "3")
                        .optText("validation", "0.5")
                        .optText("nesterov", "true")
                        .optText("momentum", "0.9")
                        .build();
        assertEquals("500", recipe.checkpointEvery());
        assertEquals("7", recipe.weights());
        assertNull(recipe.dataDir());
        assertEquals(3, recipe.epochs());
        assertEquals(0.5, recipe.validationFraction());
        assertTrue(recipe.nesterov());
        assertEquals(
                "held-out.txt",
                Recipe.builder().optText("validation", "held-out.txt").build().validationFile());
        assertThrows(
                SettingException.class, () -> Recipe.builder().optText("epochs", "[1]").build());
    }

    @Test
    void folderExcludesOtherFilesOfTheData() {
        Recipe recipe = Recipe.fromJson("{\"dataset\": \"folder:/photos\", \"skip_bad\": true}");
        assertTrue(recipe.isFolder());
        assertEquals(
                "\"data_dir\" cannot be combined with a folder of images. Received: /x. Put the"
                        + " folder's path after 'folder:', and omit it.",
                assertThrows(SettingException.class, () -> recipe.with("data_dir", "/x"))
                        .getMessage());
        assertEquals(
                "\"skip_bad\" needs a folder of images as \"dataset\". Received: idx.",
                assertThrows(SettingException.class, () -> recipe.with("dataset", "idx"))
                        .getMessage());
    }
}
