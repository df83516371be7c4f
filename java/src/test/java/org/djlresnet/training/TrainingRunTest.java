package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.Engine;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.djlresnet.QuadrantImages;
import org.djlresnet.UserException;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Classes;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("engine")
class TrainingRunTest {

    private final ImageDataset data = QuadrantImages.of(8, 1);

    @TempDir Path dir;

    private String rejection(Recipe recipe) {
        String message =
                assertThrows(
                                UserException.class,
                                () -> TrainingRun.prepare(recipe, data, data, dir.resolve("run")))
                        .getMessage();
        assertFalse(Files.exists(dir.resolve("run")), "a rejected run leaves no folder");
        return message;
    }

    @Test
    void recordsARunOnArrays() throws IOException {
        Path folder = dir.resolve("run");
        TrainingRun run = TrainingRun.prepare(QuadrantImages.recipe("{}"), data, data, folder);
        run.network().close();
        assertEquals("arrays", run.recipe().dataset());
        JsonObject written =
                JsonParser.parseString(Files.readString(folder.resolve("recipe.json")))
                        .getAsJsonObject();
        assertEquals("arrays", written.get("dataset").getAsString());
        JsonObject versions = written.getAsJsonObject("versions");
        assertEquals(
                List.of("py_djl_resnet", "djl", "engine", "engine_version", "java", "os"),
                List.copyOf(versions.keySet()));
        assertEquals(Engine.getInstance().getEngineName(), versions.get("engine").getAsString());
        assertEquals(QuadrantImages.CLASSES, run.network().classNames());
    }

    @Test
    void writesNothingWithoutAFolder() {
        TrainingRun run = TrainingRun.prepare(QuadrantImages.recipe("{}"), data, data, null);
        run.network().close();
        assertNull(run.folder());
    }

    /** A confusion matrix of 30,000 classes would not fit in the heap. */
    @Test
    void trainsOn30000Classes() {
        int classes = 30_000;
        ByteBuffer pixels = ByteBuffer.allocateDirect(4 * 64);
        int[] labels = {0, 1, classes - 1, 2};
        ImageDataset many =
                ImageDataset.of(
                        pixels,
                        PixelType.UINT8,
                        new long[] {4, 1, 8, 8},
                        labels,
                        Classes.numbered(classes).names());
        Recipe recipe =
                QuadrantImages.recipe("{'model': 'cifar-resnet20', 'epochs': 1, 'batch_size': 4}");
        TrainingRun run = TrainingRun.prepare(recipe, many, many, null);
        run.trainer().run();
        run.network().close();
        assertEquals(1, run.trainer().progress().rows().size());
    }

    @Test
    void limitsTrainingAndTestData() {
        Recipe recipe =
                QuadrantImages.recipe("{'limit': 4, 'epochs': 1, 'batch_size': 2, 'lr': 0}");
        TrainingRun run = TrainingRun.prepare(recipe, data, data, null);
        run.trainer().run();
        run.network().close();
        JsonObject progress =
                JsonParser.parseString(run.trainer().progress().toJson(0)).getAsJsonObject();
        assertEquals(2, progress.get("step").getAsInt());
        assertEquals(4, progress.get("total").getAsInt());
    }

    @Test
    void rejectsAnotherEngine() {
        String other = QuadrantImages.onPyTorch() ? "mxnet" : "pytorch";
        String message =
                rejection(QuadrantImages.recipe("{}").with("engine", new JsonPrimitive(other)));
        assertTrue(message.contains(". Start Java with -Dai.djl.default_engine="), message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'step_epochs': 5 | \"step_epochs\" needs \"schedule\" step. Received: constant.",
                "'step_factor': 0.5 | \"step_factor\" needs \"schedule\" step. Received: constant.",
                "'plateau_factor': 0.5, 'schedule': 'cosine' | \"plateau_factor\" needs"
                        + " \"schedule\" plateau. Received: cosine.",
                "'plateau_epochs': 2, 'schedule': 'step' | \"plateau_epochs\" needs \"schedule\""
                        + " plateau. Received: step.",
                "'min_delta': 0.5 | \"min_delta\" needs \"patience\". Received: none.",
                "'normalize': true, 'weights': 'any' | \"normalize\" cannot be combined with"
                        + " \"weights\", which determine how images are prepared. Omit one.",
                "'normalize_by': '.5/.25' | \"normalize_by\" needs \"normalize\". Received: false. Set"
                        + " \"normalize\".",
                "'normalize': true, 'normalize_by': '.5,.5/.25,.25' | \"normalize_by\" must have a"
                        + " mean and a deviation for each channel. Received: 2 means and 2"
                        + " deviations. Allowed: 1 of each.",
                "'decay_bias_and_norm': true | \"decay_bias_and_norm\" needs \"weight_decay\" above"
                        + " 0. Received: 0."
            },
            quoteCharacter = '`')
    void rejectsSettingsWithoutEffect(String settings, String message) {
        assertEquals(message, rejection(QuadrantImages.recipe("{" + settings + "}")));
    }

    @Test
    void normalizesByGivenNumbers() {
        Preprocessing steps =
                TrainingRun.preprocessing(
                        QuadrantImages.recipe("{'normalize': true, 'normalize_by': '.5 / 0.25'}"),
                        data);
        assertEquals(List.of(0.5), steps.mean());
        assertEquals(List.of(0.25), steps.deviation());
    }

    @Test
    void rejectsAMissingDevice() {
        String message =
                rejection(QuadrantImages.recipe("{}").with("device", new JsonPrimitive("gpu:999")));
        assertTrue(message.contains("has no such device. Received: 'gpu:999'."), message);
    }

    @Test
    void rejectsMissingData() {
        Recipe recipe = QuadrantImages.recipe("{}");
        String message =
                assertThrows(
                                UserException.class,
                                () -> TrainingRun.prepare(recipe, dir, dir.resolve("run")))
                        .getMessage();
        assertTrue(message.contains(dir.toString()), message);
        assertFalse(Files.exists(dir.resolve("run")));
        assertThrows(
                UserException.class,
                () ->
                        TrainingRun.prepare(
                                recipe.with("dataset", new JsonPrimitive("arrays")),
                                dir,
                                dir.resolve("run")));
    }

    @Test
    void rejectsAnExistingFolder() throws IOException {
        Files.writeString(dir.resolve("something"), "precious");
        assertThrows(
                UserException.class,
                () -> TrainingRun.prepare(QuadrantImages.recipe("{}"), data, data, dir));
        assertEquals("precious", Files.readString(dir.resolve("something")));
    }
}
