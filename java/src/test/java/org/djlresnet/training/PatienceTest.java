package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.djlresnet.QuadrantImages;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.image.PixelType;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.recipe.SettingException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("engine")
@Timeout(120)
class PatienceTest extends ResumeFixture {

    /** With a learning rate of 0 only the running statistics change. */
    private static final String PATIENT = "{'epochs': 50, 'batch_size': 8, 'lr': 0, 'patience': 2}";

    @Test
    void patienceEndsARunWithItsBestWeights() throws IOException {
        Path folder = dir.resolve("patient");
        TrainingRun run = prepare(PATIENT, folder);
        run.trainer().run();
        List<EpochRow> rows = run.trainer().progress().rows();
        int best = 0;
        for (int i = 1; i < rows.size(); i++) {
            best =
                    rows.get(i).metric("test_accuracy") > rows.get(best).metric("test_accuracy")
                            ? i
                            : best;
        }
        assertEquals(best + 2, rows.size() - 1);
        assertTrue(rows.size() < 50);
        assertSameBytes(tensors(folder.resolve("best.safetensors")), parameters(run.network()));
        run.network().close();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void stoppedOrFailedRunHasItsBestWeights(boolean fails) throws IOException {
        Path folder = dir.resolve("ended");
        TrainingRun run = prepare(PATIENT.replace("'patience': 2", "'patience': 50"), folder);
        run.trainer()
                .onEpoch(
                        row -> {
                            List<EpochRow> rows = run.trainer().progress().rows();
                            boolean worse =
                                    !Rows.ACCURACY.isBest(row, rows.subList(0, row.epoch() - 1));
                            if (worse && fails) {
                                throw new IllegalStateException("enough");
                            } else if (worse) {
                                run.trainer().stop();
                            }
                        });
        if (fails) {
            assertThrows(IllegalStateException.class, run.trainer()::run);
        } else {
            run.trainer().run();
        }
        assertTrue(run.trainer().progress().rows().size() < 50);
        Map<String, byte[]> best = tensors(folder.resolve("best.safetensors"));
        Map<String, byte[]> last = tensors(folder.resolve("last.safetensors"));
        assertFalse(Arrays.equals(best.get("bn1.running_mean"), last.get("bn1.running_mean")));
        assertSameBytes(best, parameters(run.network()));
        run.network().close();
    }

    @Test
    void ignoresImprovementsBelowMinDelta() {
        // no epoch after the first can improve by 0.95
        String recipe =
                "{'epochs': 9, 'batch_size': 18, 'lr': 0.01, 'patience': 2, 'min_delta': 0.95}";
        TrainingRun run = prepare(recipe, dir.resolve("delta"));
        finish(run);
        assertEquals(3, run.trainer().progress().rows().size());
    }

    @Test
    void resumedRunKeepsPatienceAndPlateau() throws IOException {
        Recipe recipe =
                QuadrantImages.recipe(
                        "{'epochs': 19, 'batch_size': 18, 'lr': 0.02, 'patience': 11,"
                                + " 'min_delta': 0.95, 'schedule': 'plateau', 'plateau_epochs': 1,"
                                + " 'plateau_factor': 0.5}");
        // these labels contradict the training labels, so the loss rises
        int[] others = IntStream.of(test.labels()).map(label -> (label + 1) % 4).toArray();
        ImageDataset wrong =
                ImageDataset.of(
                        test.pixels(),
                        PixelType.UINT8,
                        new long[] {test.size(), 1, test.shape().height(), test.shape().width()},
                        others,
                        QuadrantImages.CLASSES);
        Path whole = dir.resolve("whole");
        finish(TrainingRun.prepare(recipe, train, wrong, whole));
        Path parts = dir.resolve("parts");
        TrainingRun run = TrainingRun.prepare(recipe, train, wrong, parts);
        boolean done = false;
        while (!done) {
            finishSteps(3, run);
            done = run.trainer().progress().state() == Progress.State.DONE;
            run = done ? run : TrainingRun.resume(parts, Map.of(), train, wrong);
        }
        assertSameResult(whole, parts);
        List<EpochRow> rows = run.trainer().progress().rows();
        assertEquals(12, rows.size());
        assertTrue(rows.get(11).lr() < 0.02, rows.toString());
    }

    @Test
    void resumedCompleteRunHasItsBestWeights() {
        Path folder = dir.resolve("patient");
        finish(prepare(PATIENT, folder));
        Map<String, byte[]> best = tensors(folder.resolve("best.safetensors"));
        Map<String, byte[]> last = tensors(folder.resolve("last.safetensors"));
        TrainingRun again = resume(folder, "{}");
        again.trainer().run();
        Map<String, Long> counts = again.network().batchesTracked();
        again.network()
                .stateDict()
                .forEach(
                        (name, array) ->
                                assertArrayEquals(best.get(name), array.toByteArray(), name));
        assertFalse(Arrays.equals(best.get("bn1.running_mean"), last.get("bn1.running_mean")));
        try (Checkpoint checkpoint = Checkpoint.open(folder.resolve("best.safetensors"))) {
            assertEquals(checkpoint.batchesTracked(), counts);
        }
        again.network().close();
    }

    @Test
    void resumesWithoutBestWeightsWithAWarning() throws IOException {
        String recipe = RECIPE.replace("}", ", 'patience': 9}");
        Path whole = whole(recipe);
        Path parts = stoppedAfter(2, recipe);
        Path best = parts.resolve("best.safetensors");
        for (boolean damaged : new boolean[] {true, false}) {
            if (damaged) {
                Files.writeString(best, "damaged");
            } else {
                Files.delete(best);
            }
            TrainingRun run = resume(parts, "{}");
            assertTrue(run.warning().contains(best.toString()), run.warning());
            assertTrue(run.warning().contains("Resuming without the best weights"), run.warning());
            finishSteps(1, run);
        }
        finish(resume(parts, "{}"));
        assertSameBytes(
                tensors(whole.resolve("last.safetensors")),
                tensors(parts.resolve("last.safetensors")));
    }

    @ParameterizedTest
    @CsvSource({"swa_epochs, 2", "lookahead, 'airbench:0'"})
    void averagesAtTheEndExcludeAPatience(String name, String value) {
        Object setting = name.equals("swa_epochs") ? Integer.valueOf(value) : value;
        Recipe recipe = Recipe.fromJson("{\"patience\": 3}").with(name, setting);
        assertEquals(
                "\"patience\" may end the run before \"%s\" averages its weights. Received: 3. Omit one."
                        .formatted(name),
                assertThrows(SettingException.class, () -> SettingChecks.rejectIgnored(recipe))
                        .getMessage());
    }
}
