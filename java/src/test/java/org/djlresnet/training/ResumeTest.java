package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.djlresnet.QuadrantImages;
import org.djlresnet.UserException;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.checkpoint.SafetensorsFile;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Tag("engine")
@Timeout(120)
class ResumeTest {

    /** Five steps an epoch, the last of them short. */
    private static final String RECIPE =
            "{'epochs': 3, 'batch_size': 8, 'momentum': 0.9, 'nesterov': true, 'lr': 0.01,"
                    + " 'weight_decay': 0.0005, 'schedule': 'cosine'}";

    private final ImageDataset train = QuadrantImages.of(36, 1);
    private final ImageDataset test = QuadrantImages.of(8, 2);

    @TempDir Path dir;

    private Path whole(String recipe) {
        Path folder = dir.resolve("whole");
        finish(TrainingRun.prepare(QuadrantImages.recipe(recipe), train, test, folder));
        return folder;
    }

    private static void finish(TrainingRun run) {
        run.trainer().run();
        run.network().close();
    }

    private TrainingRun resume(Path from, String changes) {
        JsonObject json = JsonParser.parseString(changes.replace('\'', '"')).getAsJsonObject();
        return TrainingRun.resume(from, json, train, test);
    }

    /** Runs until an epoch's end, and is stopped there. */
    private Path stoppedAfter(int epochs, String recipe) {
        Path folder = dir.resolve("parts");
        TrainingRun run = TrainingRun.prepare(QuadrantImages.recipe(recipe), train, test, folder);
        run.trainer()
                .onEpoch(
                        row -> {
                            if (row.epoch() == epochs) {
                                run.trainer().stop();
                            }
                        });
        finish(run);
        return folder;
    }

    private static Map<String, byte[]> tensors(Path file) {
        try (SafetensorsFile open = SafetensorsFile.read(file)) {
            assertTrue(open.verify());
            Map<String, byte[]> tensors = new LinkedHashMap<>();
            for (String name : open.tensors().keySet()) {
                ByteBuffer data = open.data(name);
                byte[] bytes = new byte[data.remaining()];
                data.get(bytes);
                tensors.put(name, bytes);
            }
            return tensors;
        }
    }

    private static void assertSameResult(Path expected, Path actual) throws IOException {
        for (String file : List.of("last.safetensors", "best.safetensors")) {
            Map<String, byte[]> wanted = tensors(expected.resolve(file));
            Map<String, byte[]> found = tensors(actual.resolve(file));
            assertEquals(wanted.keySet(), found.keySet());
            wanted.forEach((name, bytes) -> assertArrayEquals(bytes, found.get(name), name));
        }
        assertEquals(
                withoutTimes(expected.resolve("metrics.csv")),
                withoutTimes(actual.resolve("metrics.csv")));
    }

    private static List<String> withoutTimes(Path metrics) throws IOException {
        return Files.readAllLines(metrics).stream()
                .map(
                        line -> {
                            List<String> fields = List.of(line.split(","));
                            return fields.subList(0, 2) + "," + fields.subList(5, fields.size());
                        })
                .toList();
    }

    @Test
    void aRunStoppedWithinAnyEpochEndsWithTheSameBytes() throws IOException {
        Path whole = whole(RECIPE);
        Path parts = dir.resolve("parts");
        TrainingRun run = TrainingRun.prepare(QuadrantImages.recipe(RECIPE), train, test, parts);
        int stops = 0;
        for (boolean done = false; !done; stops++) {
            // a stop that is asked for before the run ends it before its next step; one step a go
            int before = run.trainer().progress().rows().size();
            Trainer trainer = run.trainer();
            trainer.stopAfter(1);
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
    void aCopyOfACheckpointWithinAnEpochGoesOnAlike() throws IOException {
        String recipe = RECIPE.replace("}", ", 'checkpoint_every': '2'}");
        Path whole = whole(recipe);
        Path parts = dir.resolve("parts");
        TrainingRun run = TrainingRun.prepare(QuadrantImages.recipe(recipe), train, test, parts);
        run.trainer().stopAfter(7);
        finish(run);
        // what was written at step 6, within the second epoch, before the stop at step 7
        Files.delete(parts.resolve("last.safetensors"));
        finish(resume(parts, "{}"));
        assertSameResult(whole, parts);
    }

    @Test
    void aDamagedLastGivesWayToTheOneBefore() throws IOException {
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
    void aNumberThatFlippedInTheMetadataOfLastGivesWayToTheOneBefore() throws IOException {
        Path whole = whole(RECIPE);
        Path parts = stoppedAfter(2, RECIPE);
        Path last = parts.resolve("last.safetensors");
        String content = Files.readString(last, StandardCharsets.ISO_8859_1);
        // the learning rate of the recipe: sound JSON, and within its range
        String flipped = content.replaceFirst("\"lr\\\\\":0\\.01,", "\"lr\\\\\":0.03,");
        assertNotEquals(content, flipped);
        Files.writeString(last, flipped, StandardCharsets.ISO_8859_1);
        TrainingRun run = resume(parts, "{}");
        assertTrue(run.warning().contains(last + ": the file is damaged"), run.warning());
        assertTrue(run.warning().contains("last.previous.safetensors"), run.warning());
        finish(run);
        assertSameResult(whole, parts);
    }

    @Test
    void whatWasWrittenAfterTheCheckpointIsForgotten() throws IOException {
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
    void epochsMayBeAddedWhereTheScheduleDoesNotDependOnThem() throws IOException {
        String constant = RECIPE.replace("cosine", "constant");
        Path whole = whole(constant);
        Path parts = dir.resolve("two");
        Recipe two = QuadrantImages.recipe(constant.replace("'epochs': 3", "'epochs': 2"));
        finish(TrainingRun.prepare(two, train, test, parts));
        finish(resume(parts, "{'epochs': 3}"));
        assertSameResult(whole, parts);

        String message =
                assertThrows(
                                UserException.class,
                                () -> resume(stoppedAfter(1, RECIPE), "{'epochs': 4}"))
                        .getMessage();
        assertTrue(message.contains("cosine") && message.contains("epochs=4"), message);
    }

    @Test
    void changesThatWouldMakeAnotherRunAreRefusedByName() {
        Path parts = stoppedAfter(1, RECIPE);
        String message =
                assertThrows(
                                UserException.class,
                                () -> resume(parts, "{'lr': 0.5, 'seed': 3, 'momentum': 0.9}"))
                        .getMessage();
        assertTrue(message.contains("lr=0.5 (it is 0.01)"), message);
        assertTrue(message.contains("seed=3 (it is 0)"), message);
        assertFalse(message.contains("momentum"), message);
        // and nothing was lost: the run can go on
        finish(resume(parts, "{'threads': 1, 'keep': 1}"));
        assertTrue(Files.exists(parts.resolve("epoch-0003.safetensors")));
        assertFalse(Files.exists(parts.resolve("epoch-0002.safetensors")));
    }

    @Test
    void dataOfAnotherSizeAreNotTheRuns() {
        Path parts = stoppedAfter(1, RECIPE);
        String message =
                assertThrows(
                                UserException.class,
                                () ->
                                        TrainingRun.resume(
                                                parts,
                                                new JsonObject(),
                                                QuadrantImages.of(80, 1),
                                                test))
                        .getMessage();
        assertTrue(message.contains("80 examples"), message);
    }

    @Test
    void aFolderHasOneWriter() {
        Path folder = dir.resolve("parts");
        TrainingRun first = TrainingRun.prepare(QuadrantImages.recipe(RECIPE), train, test, folder);
        String message = assertThrows(UserException.class, () -> resume(folder, "{}")).getMessage();
        assertTrue(message.contains("process " + ProcessHandle.current().pid()), message);
        first.trainer().stopAfter(1);
        finish(first);
        finish(resume(folder, "{}"));
    }

    @Test
    void whatIsNoRunIsRefused() throws IOException {
        assertRefused(dir, "no run folder");
        assertRefused(dir.resolve("missing"), "no run folder");
        Path foreign = dir.resolve("network.safetensors");
        Files.writeString(dir.resolve("recipe.json"), "{}");
        Files.writeString(foreign, "no checkpoint");
        assertRefused(foreign, "network.safetensors");
    }

    @Test
    void aRunThatEndedBeforeItsFirstCheckpointBeginsAnew() throws IOException {
        Path whole = whole(RECIPE);
        Path parts = dir.resolve("parts");
        TrainingRun run = TrainingRun.prepare(QuadrantImages.recipe(RECIPE), train, test, parts);
        run.folder().close();
        run.network().close();
        finish(resume(parts, "{}"));
        assertSameResult(whole, parts);
    }

    private void assertRefused(Path from, String part) {
        String message = assertThrows(UserException.class, () -> resume(from, "{}")).getMessage();
        assertTrue(message.contains(part), message);
    }

    @Test
    void aFinishedRunIsLeftAsItIs() throws IOException {
        Path whole = whole(RECIPE);
        Map<String, byte[]> before = tensors(whole.resolve("last.safetensors"));
        TrainingRun run = resume(whole, "{}");
        assertNull(run.warning());
        finish(run);
        assertEquals(Progress.State.DONE, run.trainer().progress().state());
        assertEquals(3, run.trainer().progress().rows().size());
        before.forEach(
                (name, bytes) ->
                        assertArrayEquals(
                                bytes, tensors(whole.resolve("last.safetensors")).get(name)));
    }

    @Test
    void patienceEndsARunWithItsBestWeights() throws IOException {
        // with a learning rate of 0 only the running statistics move
        Path folder = dir.resolve("patient");
        Recipe recipe =
                QuadrantImages.recipe("{'epochs': 50, 'batch_size': 8, 'lr': 0, 'patience': 2}");
        TrainingRun run = TrainingRun.prepare(recipe, train, test, folder);
        run.trainer().run();
        List<EpochRow> rows = run.trainer().progress().rows();
        int best = 0;
        for (int i = 1; i < rows.size(); i++) {
            best = rows.get(i).testAccuracy() > rows.get(best).testAccuracy() ? i : best;
        }
        assertEquals(best + 2, rows.size() - 1);
        assertTrue(rows.size() < 50);
        Map<String, byte[]> kept = tensors(folder.resolve("best.safetensors"));
        run.network()
                .parameters()
                .forEach(
                        (name, parameter) ->
                                assertArrayEquals(
                                        kept.get(name), parameter.getArray().toByteArray(), name));
        run.network().close();
    }

    @Test
    void minDeltaSaysWhatIsBetter() {
        // no epoch after the first can be better by 0.95
        Recipe recipe =
                QuadrantImages.recipe(
                        "{'epochs': 9, 'batch_size': 18, 'lr': 0.01, 'patience': 2,"
                                + " 'min_delta': 0.95}");
        TrainingRun run = TrainingRun.prepare(recipe, train, test, dir.resolve("delta"));
        finish(run);
        assertEquals(3, run.trainer().progress().rows().size());
    }

    @Test
    void patienceAndPlateauGoOnFromWhereTheyStood() throws IOException {
        String recipe =
                "{'epochs': 9, 'batch_size': 18, 'lr': 0.1, 'patience': 5,"
                        + " 'min_delta': 0.95, 'schedule': 'plateau', 'plateau_epochs': 1,"
                        + " 'plateau_factor': 0.5}";
        Path whole = whole(recipe);
        Path parts = dir.resolve("parts");
        TrainingRun run = TrainingRun.prepare(QuadrantImages.recipe(recipe), train, test, parts);
        boolean done = false;
        while (!done) {
            run.trainer().stopAfter(1);
            finish(run);
            done = run.trainer().progress().state() == Progress.State.DONE;
            run = done ? run : resume(parts, "{}");
        }
        assertSameResult(whole, parts);
        List<EpochRow> rows = run.trainer().progress().rows();
        assertEquals(6, rows.size());
        // on MXNet the test loss of this run may fall in every epoch
        assertTrue(rows.get(5).lr() < 0.1 || !QuadrantImages.onPyTorch(), rows.toString());
    }

    @Test
    void aRunThatPatienceEndedHasItsBestWeightsWhenItIsResumedToo() {
        Path folder = dir.resolve("patient");
        // with a learning rate of 0 only the running statistics move
        Recipe recipe =
                QuadrantImages.recipe("{'epochs': 50, 'batch_size': 8, 'lr': 0, 'patience': 2}");
        finish(TrainingRun.prepare(recipe, train, test, folder));
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
    void secondsBetweenCheckpointsAreCounted() throws InterruptedException {
        Recipe recipe = QuadrantImages.recipe("{'checkpoint_every': '1s', 'batch_size': 18}");
        TrainingRun run = TrainingRun.prepare(recipe, train, test, dir.resolve("seconds"));
        try (RunFolder folder = RunFolder.create(dir.resolve("other"), recipe, new JsonObject())) {
            Recorder recorder = new Recorder(folder, run.network(), 8, recipe, 0);
            assertFalse(recorder.isDue(1));
            assertFalse(recorder.isDue(1_000_000));
            Thread.sleep(1100);
            assertTrue(recorder.isDue(2));
            recorder.close();
        }
        run.trainer().stop();
        finish(run);
    }

    @Test
    void noTemporaryFileIsLeft() throws IOException {
        Path folder = whole(RECIPE);
        try (Stream<Path> files = Files.list(folder)) {
            assertEquals(
                    List.of(
                            "best.safetensors",
                            "figures",
                            "last.previous.safetensors",
                            "last.safetensors",
                            "log.txt",
                            "metrics.csv",
                            "recipe.json",
                            "run.lock"),
                    files.map(file -> file.getFileName().toString()).sorted().toList());
        }
    }
}
