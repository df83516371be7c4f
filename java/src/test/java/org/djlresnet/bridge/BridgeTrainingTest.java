package org.djlresnet.bridge;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.djlresnet.QuadrantImages;
import org.djlresnet.UserException;
import org.djlresnet.data.Examples;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.training.NonFiniteLossException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests training through the bridge. */
@Tag("engine")
@Timeout(300)
class BridgeTrainingTest {

    private static final String[] CLASSES = QuadrantImages.CLASSES.toArray(new String[0]);

    @TempDir Path dir;

    private static JsonObject object(String text) {
        return JsonParser.parseString(text).getAsJsonObject();
    }

    private static float[] floats(ByteBuffer bytes) {
        float[] values = new float[bytes.remaining() / 4];
        bytes.asFloatBuffer().get(values);
        return values;
    }

    private static String rejection(Runnable call) {
        return assertThrows(UserException.class, call::run).getMessage();
    }

    @ParameterizedTest
    @ValueSource(strings = {"uint8", "float32"})
    void trainsAndEvaluatesOnArrays(String type) throws InterruptedException {
        ImageDataset images = QuadrantImages.of(12, 1);
        boolean bytes = type.equals("uint8");
        Examples data =
                Bridge.array(
                        bytes
                                ? ByteBuffer.allocateDirect(12 * 64).put(images.pixels()).flip()
                                : QuadrantImages.floats(images),
                        type,
                        new long[] {12, 1, 8, 8},
                        images.labels(),
                        CLASSES);
        String recipe =
                QuadrantImages.recipeJson("{'epochs': 1, 'batch_size': 6, 'lr': 1e-6, 'seed': 3}");
        TrainingHandle run = Bridge.train(recipe, data, data, null);
        assertTrue(run.await(200_000));
        run.check();
        assertTrue(object(run.describe()).get("run_dir").isJsonNull());
        JsonObject progress = object(run.progress(0));
        assertEquals("done", progress.get("state").getAsString());
        assertEquals(2, progress.get("step").getAsInt());
        JsonObject row = progress.getAsJsonArray("rows").get(0).getAsJsonObject();
        assertEquals(0, object(run.progress(1)).getAsJsonArray("rows").size());
        try (NetworkHandle network = run.network()) {
            assertEquals(
                    "arrays",
                    object(network.info()).getAsJsonObject("recipe").get("dataset").getAsString());
            JsonObject evaluation =
                    object(Bridge.evaluate(network, data, 5, new String[0], null, "float32", null));
            assertEquals(
                    List.of("loss", "accuracy", "classes", "confusion_matrix"),
                    List.copyOf(evaluation.keySet()));
            double loss = row.get("test_loss").getAsDouble();
            assertEquals(loss, evaluation.get("loss").getAsDouble(), 1e-5 * loss);
            assertEquals(
                    row.get("test_accuracy").getAsDouble(),
                    evaluation.get("accuracy").getAsDouble());
        }
    }

    @Test
    void reportsAFailureOfTheRun() throws InterruptedException {
        ImageDataset data = QuadrantImages.of(16, 1);
        String recipe = QuadrantImages.recipeJson("{'epochs': 9, 'batch_size': 4, 'lr': 1000}");
        TrainingHandle run = Bridge.train(recipe, data, data, null);
        assertTrue(run.await(200_000));
        assertEquals("failed", object(run.progress(0)).get("state").getAsString());
        assertThrows(NonFiniteLossException.class, run::check);
        run.network().close();
    }

    @Test
    void stopsARun() throws InterruptedException {
        ImageDataset data = QuadrantImages.of(16, 1);
        String recipe =
                QuadrantImages.recipeJson("{'epochs': 100000, 'batch_size': 4, 'lr': 1e-6}");
        TrainingHandle run = Bridge.train(recipe, data, data, null);
        run.stop();
        assertTrue(run.await(200_000));
        run.check();
        assertEquals("stopped", object(run.progress(0)).get("state").getAsString());
        run.network().close();
    }

    @Test
    void checksEverythingBeforeTheRun() {
        ImageDataset data = QuadrantImages.of(4, 1);
        String good = QuadrantImages.recipeJson("{}");
        rejection(() -> Bridge.train("{}}", data, data, null));
        rejection(() -> Bridge.train(good, data, data, "pom.xml"));
        rejection(() -> Bridge.train(good, dir.toString(), dir.resolve("run").toString()));
        assertTrue(Files.notExists(dir.resolve("run")));
    }

    @Test
    void trainsOnFashionMnist() throws InterruptedException {
        String recipe =
                QuadrantImages.recipeJson(
                        "{'epochs': 1, 'limit': 256, 'batch_size': 64, 'seed': 1}");
        Path runDir = dir.resolve("run");
        TrainingHandle run = Bridge.train(recipe, "data", runDir.toString());
        assertTrue(run.await(280_000));
        run.check();
        assertEquals(runDir.toString(), object(run.describe()).get("run_dir").getAsString());
        JsonObject row = object(run.progress(0)).getAsJsonArray("rows").get(0).getAsJsonObject();
        assertEquals(4, row.get("step").getAsInt());
        // guessing among ten classes has a loss of 2.3 and an accuracy of 0.1
        assertTrue(row.get("train_accuracy").getAsDouble() > 0.15, row.toString());

        Examples test = Bridge.dataset("fashion-mnist", "data", false).limit(256);
        try (NetworkHandle loaded =
                        Bridge.load(runDir.resolve("last.safetensors").toString(), "cpu", true);
                NetworkHandle trained = run.network()) {
            JsonObject info = object(loaded.info());
            assertEquals(row, info.getAsJsonArray("history").get(0));
            assertEquals(Recipe.fromJson(recipe), Recipe.fromJson(info.get("recipe").toString()));
            JsonObject evaluation =
                    object(
                            Bridge.evaluate(
                                    loaded, test, 100, new String[0], null, "float32", null));
            assertEquals(row.get("test_accuracy"), evaluation.get("accuracy"));
            ByteBuffer images = QuadrantImages.floats((ImageDataset) test.limit(8));
            long[] shape = {8, 1, 28, 28};
            float[] logits = floats(trained.forward(images, shape, "float32"));
            Path saved = dir.resolve("saved.safetensors");
            trained.save(saved.toString());
            try (NetworkHandle again = Bridge.load(saved.toString(), "auto", true)) {
                assertArrayEquals(logits, floats(again.forward(images, shape, "float32")));
            }
        }
    }
}
