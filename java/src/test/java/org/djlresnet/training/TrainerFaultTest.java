package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.djlresnet.QuadrantImages;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.model.Network;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Tag("engine")
@Timeout(300)
class TrainerFaultTest extends TrainerFixture {

    private static final List<String> CHECKPOINTS =
            List.of("last.safetensors", "last.previous.safetensors", "best.safetensors");
    private static final String THREE_EPOCHS =
            "{'model': 'cifar-resnet20', 'epochs': 3, 'batch_size': 8, 'lr': 0.01}";

    private final ImageDataset train = QuadrantImages.of(16, 1);
    private final ImageDataset test = QuadrantImages.of(8, 2);

    @Test
    void nonFiniteLossKeepsTheLastGoodCheckpoint() throws IOException {
        Recipe recipe =
                QuadrantImages.recipe(
                        "{'epochs': 2001, 'batch_size': 16, 'lr': 1000, 'warmup_epochs': 2000}");
        RunFolder folder = folder("run", recipe);
        try (Network network = network(recipe)) {
            Trainer trainer = new Trainer(recipe, network, train, test, folder);
            NonFiniteLossException failure =
                    assertThrows(NonFiniteLossException.class, trainer::run);
            assertEquals(Progress.State.FAILED, trainer.progress().state());
            assertTrue(
                    failure.getMessage().contains(" at step " + failure.step() + ". "),
                    failure.getMessage());
            assertTrue(failure.getMessage().contains("lower learning rate"), failure.getMessage());
            List<EpochRow> rows = trainer.progress().rows();
            assertFalse(rows.isEmpty());
            for (EpochRow row : rows) {
                assertTrue(Double.isFinite(row.metric("train_loss")), row.toString());
                assertTrue(Double.isFinite(row.metric("test_loss")), row.toString());
            }
            JsonObject state = state(folder.last());
            assertEquals(rows.size(), state.get("epoch").getAsInt());
            assertEquals(rows.size(), state.get("step").getAsLong());
            assertTrue(failure.step() > state.get("step").getAsLong());
            assertFinite(folder.last());
            String log = Files.readString(folder.path().resolve("log.txt"));
            assertTrue(log.contains("failed: ") && log.contains("at step " + failure.step()), log);
        }
        assertNothingHalfWritten(folder.path());
    }

    @Test
    void doesNotSaveNonFiniteWeights() {
        // the loss of the only step belongs to the initial weights
        Recipe recipe = QuadrantImages.recipe("{'epochs': 1, 'batch_size': 16, 'lr': 1000}");
        RunFolder folder = folder("run", recipe);
        try (Network network = network(recipe)) {
            Trainer trainer = new Trainer(recipe, network, train, test, folder);
            NonFiniteLossException failure =
                    assertThrows(NonFiniteLossException.class, trainer::run);
            assertEquals(1, failure.step());
        }
        assertFalse(Files.exists(folder.last()));
        assertFalse(Files.exists(folder.best()));
    }

    @Test
    void stopDoesNotSaveNonFiniteWeights() {
        Recipe recipe = QuadrantImages.recipe("{'epochs': 2, 'batch_size': 8}");
        RunFolder folder = folder("run", recipe);
        try (Network network = network(recipe)) {
            Trainer trainer = new Trainer(recipe, network, QuadrantImages.of(8, 1), test, folder);
            trainer.onEpoch(
                    row -> {
                        network.parameters().get("fc.bias").getArray().muli(Float.NaN);
                        trainer.stop();
                    });
            String message =
                    assertThrows(NonFiniteWeightsException.class, trainer::run).getMessage();
            assertTrue(message.startsWith("fc.bias is not finite after step 1. "), message);
        }
        assertEquals(1, state(folder.last()).get("epoch").getAsInt());
        assertFinite(folder.last());
    }

    private static void assertNothingHalfWritten(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            assertTrue(files.noneMatch(file -> file.toString().endsWith(".tmp")));
        }
    }

    private static void assertFinite(Path file) {
        tensors(file)
                .forEach(
                        (name, bytes) -> {
                            FloatBuffer floats =
                                    ByteBuffer.wrap(bytes)
                                            .order(ByteOrder.LITTLE_ENDIAN)
                                            .asFloatBuffer();
                            while (floats.hasRemaining()) {
                                assertTrue(Float.isFinite(floats.get()), name);
                            }
                        });
    }

    /** Breaks a run at the end of its second epoch. */
    private interface Break {
        void apply(TrainingRun run, ImageDataset train) throws ReflectiveOperationException;
    }

    /**
     * Breaks a run after its second epoch. It must fail with that error, keep the files of the
     * second epoch, release the folder, and give the result of an uninterrupted run when resumed.
     */
    private <T extends Throwable> T failing(Class<T> type, Break what) throws IOException {
        Recipe recipe = QuadrantImages.recipe(THREE_EPOCHS);
        Path whole = dir.resolve("whole");
        finish(TrainingRun.prepare(recipe, train, test, whole));

        Path parts = dir.resolve("parts");
        ImageDataset broken = QuadrantImages.of(16, 1);
        TrainingRun run = TrainingRun.prepare(recipe, broken, test, parts);
        Map<String, Map<String, byte[]>> written = new LinkedHashMap<>();
        run.trainer()
                .onEpoch(
                        row -> {
                            if (row.epoch() == 2) {
                                for (String name : CHECKPOINTS) {
                                    written.put(name, tensors(parts.resolve(name)));
                                }
                                try {
                                    what.apply(run, broken);
                                } catch (ReflectiveOperationException impossible) {
                                    throw new AssertionError(impossible);
                                }
                            }
                        });
        T thrown = assertThrows(type, run.trainer()::run);
        run.network().close();
        assertEquals(Progress.State.FAILED, run.trainer().progress().state());
        assertEquals(CHECKPOINTS, List.copyOf(written.keySet()));
        written.forEach((name, before) -> assertSameBytes(before, tensors(parts.resolve(name))));
        assertEquals(2, state(parts.resolve("last.safetensors")).get("epoch").getAsInt());
        assertEquals(3, Files.readAllLines(parts.resolve("metrics.csv")).size());
        assertNothingHalfWritten(parts);
        String log = Files.readString(parts.resolve("log.txt"));
        assertTrue(log.contains(" failed: " + thrown), log);

        finish(TrainingRun.resume(parts, Map.of(), train, test));
        assertSameResult(whole, parts);
        return thrown;
    }

    private static void set(Object of, String field, Object value)
            throws ReflectiveOperationException {
        Field hidden = of.getClass().getDeclaredField(field);
        hidden.setAccessible(true);
        hidden.set(of, value);
    }

    @Test
    void resumesAfterAFailureOfTheLoader() throws IOException {
        IndexOutOfBoundsException thrown =
                failing(
                        IndexOutOfBoundsException.class,
                        (run, data) -> set(data, "labels", new int[0]));
        assertTrue(Arrays.toString(thrown.getStackTrace()).contains("BatchLoader"));
    }

    @Test
    void resumesAfterMemoryRanOut() throws IOException {
        failing(
                OutOfMemoryError.class,
                (run, data) ->
                        run.trainer()
                                .onGradients(
                                        gradients -> {
                                            throw new OutOfMemoryError("in a step");
                                        }));
    }

    @Test
    void reportsAFolderThatDisappears() throws IOException {
        Recipe recipe = QuadrantImages.recipe("{'epochs': 1, 'batch_size': 8}");
        RunFolder folder = folder("run", recipe);
        try (Network network = network(recipe)) {
            Trainer trainer = new Trainer(recipe, network, QuadrantImages.of(8, 1), test, folder);
            Path moved = dir.resolve("moved");
            Files.move(folder.path(), moved);
            Exception failure = assertThrows(UncheckedIOException.class, trainer::run);
            assertTrue(failure.getMessage().contains(folder.path().toString()));
            assertEquals(Progress.State.FAILED, trainer.progress().state());
        }
    }
}
