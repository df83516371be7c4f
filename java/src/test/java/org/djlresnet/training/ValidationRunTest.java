package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.djlresnet.QuadrantImages;
import org.djlresnet.UserException;
import org.djlresnet.data.Examples;
import org.djlresnet.evaluation.Evaluation;
import org.djlresnet.evaluation.Evaluator;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests runs with a validation split, which evaluate the test data once. */
@Tag("engine")
@Timeout(300)
class ValidationRunTest extends TrainerFixture {

    private static final String RECIPE =
            "{'model': 'cifar-resnet20', 'epochs': 4, 'batch_size': 8, 'momentum': 0.9, 'lr': 0.01,"
                    + " 'validation': 0.25}";

    private final Examples train = QuadrantImages.of(48, 1);
    private final AtomicInteger reads = new AtomicInteger();
    private final Examples test =
            new ObservedExamples(QuadrantImages.of(12, 2), reads::incrementAndGet);

    private TrainingRun prepare(String recipe, Path folder) {
        return TrainingRun.prepare(QuadrantImages.recipe(recipe), train, test, folder);
    }

    private TrainingRun prepare(Path folder) {
        return prepare(RECIPE, folder);
    }

    private TrainingRun resume(Path folder) {
        return TrainingRun.resume(folder, Map.of(), train, test);
    }

    private static JsonObject read(Path file) throws IOException {
        return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
    }

    @Test
    void evaluatesTheBestNetworkOnTheTestDataOnce() throws IOException {
        Path folder = dir.resolve("run");
        TrainingRun run = prepare(RECIPE.replace("'momentum': 0.9, ", ""), folder);
        run.trainer().onEpoch(row -> assertEquals(0, reads.get(), "epoch " + row.epoch()));
        run.trainer().run();
        assertEquals(12, reads.get());

        List<EpochRow> rows = run.trainer().progress().rows();
        assertEquals(
                List.of("train_loss", "train_accuracy", "validation_loss", "validation_accuracy"),
                List.copyOf(rows.get(0).metrics().keySet()));
        // 36 remaining training examples make five steps, the last with four examples
        assertEquals(20, rows.get(3).step());
        int best = 0;
        for (int i = 1; i < 4; i++) {
            boolean better =
                    rows.get(i).metric("validation_accuracy")
                            > rows.get(best).metric("validation_accuracy");
            best = better ? i : best;
        }
        JsonObject written = read(folder.resolve("test.json"));
        assertEquals(best + 1, written.get("epoch").getAsInt());
        assertEquals(12, written.get("examples").getAsInt());
        assertSameBytes(tensors(folder.resolve("best.safetensors")), parameters(run.network()));
        Evaluation alone = Evaluator.evaluate(run.network(), test, 8);
        assertEquals(alone.loss(), written.get("loss").getAsDouble(), 1e-6 * alone.loss());
        assertEquals(alone.accuracy(), written.get("accuracy").getAsDouble());
        assertEquals(written, progress(run.trainer()).get("test"));
        JsonObject selection = read(folder.resolve("recipe.json")).getAsJsonObject("selection");
        assertEquals("validation_accuracy", selection.get("metric").getAsString());
        assertEquals("validation data", selection.get("on").getAsString());
        run.network().close();
    }

    @Test
    void endsWithTheBestNetworkWithoutTestData() throws IOException {
        Path folder = dir.resolve("run");
        // enough epochs for one of them to be at least as good as the last
        Recipe recipe = QuadrantImages.recipe(RECIPE.replace("'epochs': 4", "'epochs': 10"));
        TrainingRun run = TrainingRun.prepare(recipe, train, null, null, folder);
        run.trainer().run();
        List<Double> accuracies =
                run.trainer().progress().rows().stream()
                        .map(row -> row.metric("validation_accuracy"))
                        .toList();
        int best = 1 + accuracies.indexOf(Collections.max(accuracies));
        assertNotEquals(10, best, accuracies.toString());
        Map<String, byte[]> kept = tensors(folder.resolve("best.safetensors"));
        kept.keySet().removeIf(name -> name.startsWith("optimizer/"));
        assertSameBytes(kept, parameters(run.network()));
        String predictions = Files.readString(folder.resolve("predictions.csv"));
        assertTrue(predictions.contains("\n" + best + ",0,"), predictions.substring(0, 60));
        run.network().close();
    }

    @Test
    void resumedRunGivesTheSameBytes() throws IOException {
        Path whole = dir.resolve("whole");
        finish(prepare(whole));
        int before = reads.get();
        Path parts = dir.resolve("parts");
        TrainingRun run = prepare(parts);
        for (boolean done = false; !done; ) {
            finishSteps(3, run);
            done = run.trainer().progress().state() == Progress.State.DONE;
            run = done ? run : resume(parts);
        }
        assertSameResult(whole, parts);
        assertArrayEquals(
                Files.readAllBytes(whole.resolve("test.json")),
                Files.readAllBytes(parts.resolve("test.json")));
        assertEquals(2 * before, reads.get());

        // a complete run keeps its result and does not evaluate again
        run = resume(parts);
        finish(run);
        assertEquals(2 * before, reads.get());
        assertEquals(read(parts.resolve("test.json")), progress(run.trainer()).get("test"));
    }

    @Test
    void plateauAndPatienceFollowTheValidationData() {
        Recipe recipe =
                QuadrantImages.recipe(
                        "{'epochs': 12, 'batch_size': 8, 'lr': 0.02, 'validation': 0.25,"
                                + " 'schedule': 'plateau', 'plateau_epochs': 0,"
                                + " 'plateau_factor': 0.5, 'patience': 3}");
        TrainingRun run = TrainingRun.prepare(recipe, train, test, null);
        finish(run);
        List<EpochRow> rows = run.trainer().progress().rows();
        double rate = 0.02;
        double lowest = Double.POSITIVE_INFINITY;
        double best = Double.NEGATIVE_INFINITY;
        int waited = 0;
        for (EpochRow row : rows) {
            assertEquals(rate, row.lr(), 1e-12, rows.toString());
            assertTrue(waited < 3, rows.toString());
            double loss = row.metric("validation_loss");
            rate = loss < lowest * (1 - 1e-4) ? rate : rate / 2;
            lowest = loss < lowest * (1 - 1e-4) ? loss : lowest;
            double accuracy = row.metric("validation_accuracy");
            waited = accuracy > best ? 0 : waited + 1;
            best = Math.max(best, accuracy);
        }
        assertTrue(rows.size() == 12 || waited == 3, rows.toString());
        assertTrue(rate < 0.02, rows.toString());
    }

    @Test
    void rejectsAnotherSplitOrTestData() {
        Path folder = dir.resolve("run");
        finishSteps(3, prepare(folder));
        Map<String, Object> none = Map.of();
        Examples other = QuadrantImages.of(12, 3);
        assertNotEquals(other.fingerprint(), test.fingerprint());
        String message =
                assertThrows(
                                UserException.class,
                                () -> TrainingRun.resume(folder, none, train, other))
                        .getMessage();
        assertTrue(message.startsWith("The test data differ from those of the run"), message);
        Map<String, Object> changed = Map.of("validation", 0.5);
        message =
                assertThrows(
                                UserException.class,
                                () -> TrainingRun.resume(folder, changed, train, test))
                        .getMessage();
        assertTrue(message.contains("validation"), message);
    }

    @Test
    void recordsThatTestDataSelectWithoutASplit() throws IOException {
        Path folder = dir.resolve("run");
        Recipe recipe = QuadrantImages.recipe("{'epochs': 1, 'batch_size': 8, 'lr': 0.01}");
        finish(TrainingRun.prepare(recipe, train, test, folder));
        JsonObject selection = read(folder.resolve("recipe.json")).getAsJsonObject("selection");
        assertEquals("test_accuracy", selection.get("metric").getAsString());
        assertEquals("test data", selection.get("on").getAsString());
        assertFalse(Files.exists(folder.resolve("test.json")));
    }

    @Test
    void transformsChangeGradients() {
        Recipe recipe = QuadrantImages.recipe("{'epochs': 1, 'batch_size': 16, 'lr': 0.01}");
        TrainingRun run = TrainingRun.prepare(recipe, train, test, null);
        byte[] before = run.network().parameters().get("fc.weight").getArray().toByteArray();
        byte[] bias = run.network().parameters().get("fc.bias").getArray().toByteArray();
        run.trainer().onGradients(gradients -> gradients.get("fc.weight").muli(0));
        run.trainer().run();
        assertArrayEquals(
                before, run.network().parameters().get("fc.weight").getArray().toByteArray());
        assertFalse(
                java.util.Arrays.equals(
                        bias, run.network().parameters().get("fc.bias").getArray().toByteArray()));
        run.network().close();
    }
}
