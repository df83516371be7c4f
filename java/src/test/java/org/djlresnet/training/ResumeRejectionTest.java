package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonObject;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.djlresnet.QuadrantImages;
import org.djlresnet.UserException;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Tag("engine")
@Timeout(120)
class ResumeRejectionTest extends ResumeFixture {

    @Test
    void rejectsChangesThatAffectTheResult() {
        Path parts = stoppedAfter(1, RECIPE);
        String message = rejection(parts, "{'lr': 0.5, 'seed': 3, 'momentum': 0.9}");
        assertTrue(message.contains("\"lr\" 0.5 (it is 0.01)"), message);
        assertTrue(message.contains("\"seed\" 3 (it is 0)"), message);
        assertFalse(message.contains("momentum"), message);
        // nothing was lost: the run can be resumed
        finish(resume(parts, "{'threads': 1, 'keep': 1}"));
        assertTrue(Files.exists(parts.resolve("epoch-0003.safetensors")));
        assertFalse(Files.exists(parts.resolve("epoch-0002.safetensors")));
    }

    @Test
    void rejectsAMissingDeviceAndLosesNothing() throws IOException {
        Path parts = stoppedAfter(1, RECIPE);
        byte[] recipe = Files.readAllBytes(parts.resolve("recipe.json"));
        String message = rejection(parts, "{'device': 'gpu:999'}");
        assertTrue(message.contains("no such device. Received: 'gpu:999'"), message);
        assertArrayEquals(recipe, Files.readAllBytes(parts.resolve("recipe.json")));
        finish(resume(parts, "{}"));
    }

    @Test
    void rejectsDataOfAnotherSize() {
        Path parts = stoppedAfter(1, RECIPE);
        String message =
                assertThrows(
                                UserException.class,
                                () ->
                                        TrainingRun.resume(
                                                parts, Map.of(), QuadrantImages.of(80, 1), test))
                        .getMessage();
        assertTrue(message.contains("80 examples"), message);
    }

    @Test
    void rejectsOtherDataOfTheSameSize() throws IOException {
        Path whole = whole(RECIPE);
        Path parts = stoppedAfter(1, RECIPE);
        byte[] before = read(parts.resolve("last.safetensors"));
        int[] labels = train.labels();
        labels[35] = (labels[35] + 1) % 4;
        ImageDataset relabelled =
                ImageDataset.of(
                        train.pixels(),
                        train.type(),
                        new long[] {36, 1, train.shape().height(), train.shape().width()},
                        labels,
                        train.classNames());
        assertOthers(parts, "training", QuadrantImages.of(36, 3), test);
        assertOthers(parts, "training", relabelled, test);
        assertOthers(parts, "test", train, QuadrantImages.of(8, 3));
        assertArrayEquals(before, read(parts.resolve("last.safetensors")));
        finish(resume(parts, "{}"));
        assertSameResult(whole, parts);
    }

    @Test
    void rejectsOtherClassNames() throws IOException {
        Path whole = whole(RECIPE);
        Path parts = stoppedAfter(7, RECIPE);
        Map<String, Object> none = Map.of();
        ImageDataset others = named(List.of("v", "x", "y", "z"));
        String message =
                assertThrows(
                                UserException.class,
                                () -> TrainingRun.resume(parts, none, others, test))
                        .getMessage();
        assertTrue(
                message.startsWith(
                        "The class names differ from those of the run. Received: v, x, y, z. Allowed: "),
                message);
        // a data set without names has numbers
        finish(TrainingRun.resume(parts, none, named(List.of("0", "1", "2", "3")), test));
        assertSameResult(whole, parts);
    }

    private ImageDataset named(List<String> names) {
        return ImageDataset.of(
                train.pixels(),
                train.type(),
                new long[] {36, 1, train.shape().height(), train.shape().width()},
                train.labels(),
                names);
    }

    private static void assertOthers(
            Path parts, String which, ImageDataset train, ImageDataset test) {
        Map<String, Object> none = Map.of();
        String message =
                assertThrows(
                                UserException.class,
                                () -> TrainingRun.resume(parts, none, train, test))
                        .getMessage();
        assertTrue(
                message.startsWith("The " + which + " data differ from those of the run"), message);
    }

    @Test
    void acceptsAnyDataIfTheStateHasNoChecksums() {
        Recipe recipe = QuadrantImages.recipe(RECIPE);
        Splits splits = Splits.of(recipe, train, null, test);
        JsonObject data = splits.fingerprints();
        JsonObject told =
                new TrainingState(recipe, 0, 0, List.of(), TrainingState.Partial.NONE, data)
                        .toJson(Rows.ACCURACY);
        assertEquals(data, TrainingState.fromJson(told).data());
        told.remove("data");
        assertNull(TrainingState.fromJson(told).data());
        splits.requireSame(null);
    }

    @Test
    void keepsTemporaryFilesUntilACheckpointWasRead() throws IOException {
        Path parts = stoppedAfter(2, RECIPE);
        Path last = parts.resolve("last.safetensors");
        byte[] whole = Files.readAllBytes(last);
        // as if killed while the previous one was set aside; then last is damaged
        Files.move(parts.resolve("last.previous.safetensors"), parts.resolve(".last.previous.tmp"));
        Path half = Files.write(parts.resolve(".last.safetensors.1-1.tmp"), whole);
        Files.writeString(last, "damaged");
        assertThrows(UserException.class, () -> resume(parts, "{'epochs': 1}"));
        assertArrayEquals(whole, Files.readAllBytes(half));
        TrainingRun run = resume(parts, "{}");
        assertTrue(run.warning().contains("last.previous.safetensors"), run.warning());
        assertFalse(Files.exists(half));
        finish(run);
    }

    @Test
    void doesNotRestartARunWithoutItsLastCheckpoints() throws IOException {
        Path parts = stoppedAfter(2, RECIPE.replace("}", ", 'keep': 1}"));
        Files.delete(parts.resolve("last.safetensors"));
        Files.delete(parts.resolve("last.previous.safetensors"));
        byte[] metrics = read(parts.resolve("metrics.csv"));
        assertRejected(parts, "best.safetensors, epoch-0002.safetensors, metrics.csv");
        assertArrayEquals(metrics, read(parts.resolve("metrics.csv")));
        Files.delete(parts.resolve("best.safetensors"));
        assertRejected(parts, "epoch-0002.safetensors, metrics.csv");
        Path kept = Files.move(parts.resolve("epoch-0002.safetensors"), dir.resolve("kept"));
        assertRejected(parts, "the folder has metrics.csv");
        // best of a later epoch is not the beginning either
        Files.write(parts.resolve("metrics.csv"), new byte[0]);
        Files.move(kept, parts.resolve("best.safetensors"));
        assertRejected(parts, "the folder has best.safetensors");
        finish(resume(parts.resolve("best.safetensors"), "{}"));
    }

    @Test
    void rejectsAChangedRecipe() throws IOException {
        Path whole = whole(RECIPE);
        Path parts = stoppedAfter(7, RECIPE);
        Path file = parts.resolve("recipe.json");
        String recipe = Files.readString(file);
        String changed =
                recipe.replace("\"lr\": 0.01", "\"lr\": 0.5").replace("\"seed\": 0", "\"seed\": 7");
        Files.writeString(file, changed);
        assertRejected(parts, "\"lr\" 0.5 (it is 0.01)");
        assertRejected(parts, "\"seed\" 7 (it is 0)");
        assertRejected(parts, file + " was changed");
        assertEquals(changed, Files.readString(file));
        Files.delete(file);
        finish(resume(parts, "{}"));
        assertSameResult(whole, parts);
    }

    @Test
    void rejectsACheckpointBeforeTheLast() throws IOException {
        String keeping = RECIPE.replace("}", ", 'keep': 3}");
        Path whole = whole(keeping);
        Path first = whole.resolve("epoch-0001.safetensors");
        byte[] metrics = read(whole.resolve("metrics.csv"));
        byte[] recipe = read(whole.resolve("recipe.json"));
        assertRejected(first, "is at step 5, but the run has reached step 15");
        assertArrayEquals(metrics, read(whole.resolve("metrics.csv")));
        assertArrayEquals(recipe, read(whole.resolve("recipe.json")));
        // a copy in another folder can be resumed, with the checkpoint's recipe
        Path copy = Files.createDirectory(dir.resolve("copy")).resolve("epoch-0001.safetensors");
        Files.copy(first, copy);
        TrainingRun run = resume(copy, "{}");
        assertTrue(run.warning().contains("recipe.json cannot be read"), run.warning());
        finish(run);
        Map<String, byte[]> expected = tensors(whole.resolve("last.safetensors"));
        assertSameBytes(expected, tensors(copy.resolveSibling("last.safetensors")));
    }

    @Test
    void rejectsASecondWriter() {
        Path folder = dir.resolve("parts");
        TrainingRun first = prepare(RECIPE, folder);
        String message =
                assertThrows(RunInUseException.class, () -> resume(folder, "{}")).getMessage();
        assertTrue(message.contains("process " + ProcessHandle.current().pid()), message);
        finishSteps(1, first);
        finish(resume(folder, "{}"));
    }

    @Test
    void stopsWritingAfterAnotherRunTookTheFolder() {
        assumeTrue(File.separatorChar == '/', "only POSIX releases locks after a copy");
        Path folder = dir.resolve("parts");
        TrainingRun run = prepare(RECIPE, folder);
        Path last = folder.resolve("last.safetensors");
        List<byte[]> atTheEpochsEnd = new ArrayList<>();
        run.trainer()
                .onEpoch(
                        row -> {
                            // as when the process copies the folder, which releases the lock
                            read(folder.resolve(RunLock.NAME));
                            assertEquals("taken", RunLockTest.anotherProcess(folder));
                            atTheEpochsEnd.add(read(last));
                        });
        String message = assertThrows(UncheckedIOException.class, () -> finish(run)).getMessage();
        assertTrue(
                message.contains("another run has taken over the run folder: process "), message);
        assertEquals(1, atTheEpochsEnd.size());
        assertArrayEquals(atTheEpochsEnd.get(0), read(last));
    }

    @Test
    void rejectsPipesInPlaceOfFiles() throws IOException, InterruptedException {
        Path parts = stoppedAfter(1, RECIPE);
        for (String name : List.of("run.lock", "log.txt")) {
            Path file = parts.resolve(name);
            Files.delete(file);
            assumeTrue(new ProcessBuilder("mkfifo", file.toString()).start().waitFor() == 0);
            assertRejected(parts, file + " is not a regular file");
            Files.delete(file);
        }
        finish(resume(parts, "{}"));
    }

    private static byte[] read(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    @Test
    void rejectsPathsThatAreNotRuns() throws IOException {
        assertRejected(dir, "is not a run folder");
        assertRejected(dir.resolve("missing"), "is not a run folder");
        Path foreign = dir.resolve("network.safetensors");
        Files.writeString(dir.resolve("recipe.json"), "{}");
        Files.writeString(foreign, "no checkpoint");
        assertRejected(foreign, "network.safetensors");
        Files.delete(dir.resolve("recipe.json"));
        Files.delete(dir.resolve(RunLock.NAME));
        assertRejected(foreign, "network.safetensors");
        assertFalse(Files.exists(dir.resolve(RunLock.NAME)));
    }

    private void assertRejected(Path from, String part) {
        String message = rejection(from, "{}");
        assertTrue(message.contains(part), message);
    }
}
