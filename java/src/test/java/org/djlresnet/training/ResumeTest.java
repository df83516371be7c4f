package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.djlresnet.QuadrantImages;
import org.djlresnet.model.Network;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Tag("engine")
@Timeout(120)
class ResumeTest extends ResumeFixture {

    @Test
    void stopsAfterEveryStepGiveTheSameBytes() throws IOException {
        Path whole = whole(RECIPE);
        Path parts = dir.resolve("parts");
        TrainingRun run = prepare(RECIPE, parts);
        int stops = 0;
        for (boolean done = false; !done; stops++) {
            // one step per run
            int before = run.trainer().progress().rows().size();
            Trainer trainer = run.trainer();
            stopAfter(1, trainer);
            finish(run);
            done = trainer.progress().state() == Progress.State.DONE;
            assertTrue(trainer.progress().rows().size() - before <= 1);
            if (!done) {
                run = resume(parts, "{}");
            }
        }
        assertTrue(stops >= 15, stops + " stops");
        assertSameResult(whole, parts);
    }

    @Test
    void resumesWithinAnEpoch() throws IOException {
        String recipe = RECIPE.replace("}", ", 'checkpoint_every': '2'}");
        Path whole = whole(recipe);
        Path parts = dir.resolve("parts");
        finishSteps(7, prepare(recipe, parts));
        // leaves the checkpoint of step 6, within the second epoch
        Files.delete(parts.resolve("last.safetensors"));
        finish(resume(parts, "{}"));
        assertSameResult(whole, parts);
    }

    @Test
    void resumesAugmentationWithinAnEpoch() throws IOException {
        String recipe =
                RECIPE.replace(
                        "}",
                        ", 'augment': ['crop:1', 'alternating-flip', 'trivial', 'erase:0.5:2-4',"
                                + " 'mixup:1', 'cutmix:1'], 'checkpoint_every': '2'}");
        Path whole = whole(recipe);
        Path parts = dir.resolve("parts");
        finishSteps(7, prepare(recipe, parts));
        // leaves the checkpoint of step 6, within the second epoch
        Files.delete(parts.resolve("last.safetensors"));
        finish(resume(parts, "{}"));
        assertSameResult(whole, parts);
        Path plain = dir.resolve("plain");
        finish(prepare(RECIPE, plain));
        assertNotEquals(
                Files.readString(plain.resolve("metrics.csv")),
                Files.readString(whole.resolve("metrics.csv")));
    }

    @Test
    void resumesFromPreviousIfLastIsDamaged() throws IOException {
        Path whole = whole(RECIPE);
        Path parts = stoppedAfter(2, RECIPE);
        try (FileChannel last =
                FileChannel.open(parts.resolve("last.safetensors"), StandardOpenOption.WRITE)) {
            last.write(ByteBuffer.wrap(new byte[] {1, 2, 3, 4}), last.size() - 100);
        }
        TrainingRun run = resume(parts, "{}");
        assertTrue(run.warning().contains("last.safetensors"), run.warning());
        assertTrue(run.warning().contains("last.previous.safetensors"), run.warning());
        finish(run);
        assertSameResult(whole, parts);
    }

    @Test
    void resumesFromPreviousAlone() throws IOException {
        Path whole = whole(RECIPE);
        Path parts = stoppedAfter(2, RECIPE);
        Files.delete(parts.resolve("last.safetensors"));
        Files.delete(parts.resolve("recipe.json"));
        TrainingRun run = resume(parts, "{}");
        assertTrue(run.warning().contains("last.previous.safetensors"), run.warning());
        finish(run);
        assertSameResult(whole, parts);
    }

    @Test
    void addsTheSecondsBeforeAStop() throws IOException {
        Path parts = dir.resolve("parts");
        finishSteps(3, prepare(RECIPE, parts));
        double before =
                state(parts.resolve("last.safetensors"))
                        .getAsJsonObject("partial")
                        .get("seconds")
                        .getAsDouble();
        assertTrue(before > 0);
        TrainingRun rest = resume(parts, "{}");
        finish(rest);
        EpochRow row = rest.trainer().progress().rows().get(0);
        assertTrue(row.seconds() > before, row + " after " + before);
        assertEquals(36 / row.seconds(), row.examplesPerSecond(), 1e-6 * row.examplesPerSecond());
    }

    @Test
    void discardsRowsAfterTheCheckpoint() throws IOException {
        Path whole = whole(RECIPE);
        Path parts = stoppedAfter(1, RECIPE);
        Path metrics = parts.resolve("metrics.csv");
        String row = Files.readAllLines(metrics).get(1);
        Files.writeString(metrics, row + "\n" + row, StandardOpenOption.APPEND);
        Files.writeString(parts.resolve(".last.safetensors.1-1.tmp"), "a writer was killed");
        finish(resume(parts, "{}"));
        assertSameResult(whole, parts);
        assertFalse(Files.exists(parts.resolve(".last.safetensors.1-1.tmp")));
    }

    @Test
    void addsEpochsIfTheScheduleDoesNotDependOnThem() throws IOException {
        String constant = RECIPE.replace("cosine", "constant");
        Path whole = whole(constant);
        Path parts = dir.resolve("two");
        finish(prepare(constant.replace("'epochs': 3", "'epochs': 2"), parts));
        finish(resume(parts, "{'epochs': 3}"));
        assertSameResult(whole, parts);

        String message = rejection(stoppedAfter(1, RECIPE), "{'epochs': 4}");
        assertTrue(message.startsWith("\"epochs\" cannot change"), message);
        assertTrue(message.contains("'cosine'") && message.contains("Received: 4."), message);
    }

    @Test
    void keepsChangesOfARunKilledBeforeItsFirstCheckpoint() throws IOException {
        String constant = RECIPE.replace("cosine", "constant");
        Path whole = whole(constant);
        Path parts = dir.resolve("two");
        finish(prepare(constant.replace("'epochs': 3", "'epochs': 2"), parts));
        abandon(resume(parts, "{'epochs': 3, 'keep': 1, 'checkpoint_every': '7'}"));
        TrainingRun run = resume(parts, "{}");
        assertEquals(3, run.recipe().epochs());
        assertEquals("7", run.recipe().checkpointEvery());
        finish(run);
        assertSameResult(whole, parts);
        assertTrue(Files.exists(parts.resolve("epoch-0003.safetensors")));
    }

    @Test
    void keepsTheEpochThatAKilledRunMissed() throws IOException {
        String keeping = RECIPE.replace("}", ", 'keep': 3}");
        Path parts = stoppedAfter(2, keeping);
        // as if killed right after last was renamed; the stop above wrote it again
        Path second = parts.resolve("epoch-0002.safetensors");
        Map<String, byte[]> kept = tensors(second);
        Files.delete(second);
        finish(resume(parts, "{}"));
        assertSameBytes(kept, tensors(second));
        assertEquals(2, state(second).get("epoch").getAsInt());
        assertTrue(Files.exists(parts.resolve("epoch-0001.safetensors")));
        assertTrue(Files.exists(parts.resolve("epoch-0003.safetensors")));
        assertFalse(Files.exists(parts.resolve(".kept.tmp")));
    }

    @Test
    void runStoppedAtOnceKeepsNoEpoch() throws IOException {
        String keeping = RECIPE.replace("}", ", 'keep': 3}");
        Path folder = dir.resolve("stopped");
        TrainingRun run = prepare(keeping, folder);
        run.trainer().stop();
        finish(run);
        finish(resume(folder, "{}"));
        try (Stream<Path> files = Files.list(folder)) {
            assertEquals(
                    List.of(
                            "epoch-0001.safetensors",
                            "epoch-0002.safetensors",
                            "epoch-0003.safetensors"),
                    files.map(file -> file.getFileName().toString())
                            .filter(name -> name.startsWith("epoch"))
                            .sorted()
                            .toList());
        }
    }

    @Test
    void usesTheCheckpointsRecipeIfRecipeJsonIsDamaged() throws IOException {
        Path whole = whole(RECIPE);
        Path parts = stoppedAfter(1, RECIPE);
        Path recipe = parts.resolve("recipe.json");
        Recipe before = Recipe.fromJson(Files.readString(recipe));
        for (byte[] damaged :
                new byte[][] {
                    null, new byte[0], "{".getBytes(StandardCharsets.UTF_8), {-1, -2, -3}
                }) {
            Files.delete(recipe);
            if (damaged != null) {
                Files.write(recipe, damaged);
            }
            TrainingRun run = resume(parts, "{}");
            assertTrue(run.warning().contains(recipe + " cannot be read"), run.warning());
            finishSteps(1, run);
            assertEquals(before, Recipe.fromJson(Files.readString(recipe)));
        }
        finish(resume(parts, "{}"));
        assertSameResult(whole, parts);
    }

    @Test
    void restartsARunWithoutCheckpoints() throws IOException {
        Path whole = whole(RECIPE);
        Path parts = dir.resolve("parts");
        abandon(prepare(RECIPE, parts));
        finish(resume(parts, "{}"));
        assertSameResult(whole, parts);
    }

    @Test
    void resumesFromBestIfKilledBeforeTheFirstLast() throws IOException {
        Path whole = whole(RECIPE);
        Path parts = stoppedAfter(1, RECIPE);
        Files.delete(parts.resolve("last.safetensors"));
        Files.delete(parts.resolve("last.previous.safetensors"));
        Files.writeString(parts.resolve("metrics.csv"), EpochRow.csvHeader(Rows.COLUMNS) + "\n");
        TrainingRun run = resume(parts, "{}");
        assertEquals(1, run.rowsBefore());
        finish(run);
        assertSameResult(whole, parts);
    }

    @Test
    void changesOfDeviceAndCheckpointsGiveTheSameBytes() throws IOException {
        Path whole = whole(RECIPE);
        Path parts = stoppedAfter(1, RECIPE);
        TrainingRun run = resume(parts, "{'device': 'auto', 'checkpoint_every': '2'}");
        finishSteps(3, run);
        Recipe recipe = Recipe.fromJson(Files.readString(parts.resolve("recipe.json")));
        assertEquals("2", recipe.checkpointEvery());
        // the stop was at step 8, and a checkpoint was due one step before
        assertEquals(8, state(parts.resolve("last.safetensors")).get("step").getAsLong());
        assertEquals(7, state(parts.resolve("last.previous.safetensors")).get("step").getAsLong());
        finish(resume(parts, "{'device': 'cpu', 'checkpoint_every': '1s'}"));
        assertSameResult(whole, parts);
    }

    @Test
    void doesNotChangeACompleteRun() throws IOException {
        Path whole = whole(RECIPE);
        Map<String, byte[]> before = tensors(whole.resolve("last.safetensors"));
        TrainingRun run = resume(whole, "{}");
        assertNull(run.warning());
        finish(run);
        assertEquals(Progress.State.DONE, run.trainer().progress().state());
        assertEquals(3, run.trainer().progress().rows().size());
        assertSameBytes(before, tensors(whole.resolve("last.safetensors")));
    }

    private Recorder recorder(String every, Network network) {
        Recipe recipe = QuadrantImages.recipe("{'checkpoint_every': '" + every + "'}");
        return new Recorder(
                folder(every, recipe),
                network,
                Rows.ACCURACY,
                recipe,
                0,
                new GradientLog(null, recipe, network, 1));
    }

    @Test
    void countsSecondsBetweenCheckpoints() {
        TrainingRun run = prepare("{'batch_size': 18}", dir.resolve("run"));
        try (Recorder hour = recorder("3600s", run.network())) {
            assertFalse(hour.isDue(1_000_000));
        }
        long before = System.nanoTime();
        try (Recorder second = recorder("1s", run.network())) {
            while (!second.isDue(2)) {
                Thread.onSpinWait();
            }
        }
        assertTrue(System.nanoTime() - before >= 1_000_000_000L);
        run.trainer().stop();
        finish(run);
    }
}
