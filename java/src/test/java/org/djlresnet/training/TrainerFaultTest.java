package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.training.initializer.ConstantInitializer;
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

    @Test
    void aLossThatIsNoNumberEndsTheRunAndLeavesTheLastGoodCheckpoint() throws IOException {
        Recipe recipe =
                QuadrantImages.recipe(
                        "{'epochs': 2001, 'batch_size': 16, 'lr': 1000, 'warmup_epochs': 2000}");
        RunFolder folder = folder("run", recipe);
        try (Network network = network(recipe)) {
            Trainer trainer =
                    new Trainer(
                            recipe,
                            network,
                            QuadrantImages.of(16, 1),
                            QuadrantImages.of(8, 2),
                            folder);
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
                assertTrue(Double.isFinite(row.trainLoss()), row.toString());
                assertTrue(Double.isFinite(row.testLoss()), row.toString());
            }
            JsonObject state = state(folder.last());
            assertEquals(rows.size(), state.get("epoch").getAsInt());
            assertEquals(rows.size(), state.get("step").getAsLong());
            assertTrue(failure.step() > state.get("step").getAsLong());
            assertFinite(folder.last());
            String log = Files.readString(folder.path().resolve("log.txt"));
            assertTrue(log.contains("failed: ") && log.contains("at step " + failure.step()), log);
        }
        try (Stream<Path> files = Files.list(folder.path())) {
            assertTrue(files.noneMatch(file -> file.toString().endsWith(".tmp")));
        }
    }

    @Test
    void aStepThatSpoilsTheWeightsIsFoundBeforeTheyAreSaved() {
        // the only step's own loss is that of the fresh weights
        Recipe recipe = QuadrantImages.recipe("{'epochs': 1, 'batch_size': 16, 'lr': 1000}");
        RunFolder folder = folder("run", recipe);
        try (Network network = network(recipe)) {
            Trainer trainer =
                    new Trainer(
                            recipe,
                            network,
                            QuadrantImages.of(16, 1),
                            QuadrantImages.of(8, 2),
                            folder);
            NonFiniteLossException failure =
                    assertThrows(NonFiniteLossException.class, trainer::run);
            assertEquals(1, failure.step());
        }
        assertFalse(Files.exists(folder.last()));
        assertFalse(Files.exists(folder.best()));
    }

    @Test
    void aStopRightAfterTheStepThatSpoilsTheWeightsKeepsTheGoodCheckpoint() {
        Recipe recipe = QuadrantImages.recipe("{'epochs': 2, 'batch_size': 8}");
        RunFolder folder = folder("run", recipe);
        try (Network network = network(recipe)) {
            Trainer trainer =
                    new Trainer(
                            recipe,
                            network,
                            QuadrantImages.of(8, 1),
                            QuadrantImages.of(8, 2),
                            folder);
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

    @Test
    void aCheckpointWithinTheEpochIsNotMadeOfSpoiltWeights() {
        Recipe recipe =
                QuadrantImages.recipe(
                        "{'epochs': 1, 'batch_size': 8, 'lr': 1000, 'momentum': 0.9,"
                                + " 'checkpoint_every': '1'}");
        RunFolder folder = folder("run", recipe);
        try (Network network = network(recipe)) {
            Trainer trainer =
                    new Trainer(
                            TrainingState.beginning(recipe),
                            network,
                            Map.of("momentum/fc.bias", new ConstantInitializer(1e38f)),
                            QuadrantImages.of(32, 1),
                            QuadrantImages.of(8, 2),
                            folder);
            String message =
                    assertThrows(NonFiniteWeightsException.class, trainer::run).getMessage();
            assertTrue(message.startsWith("fc.bias is not finite after step 1. "), message);
        }
        assertFalse(Files.exists(folder.last()));
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

    @Test
    void aFailureInTheLoadersThreadEndsTheRunWhichCanGoOn() throws ReflectiveOperationException {
        Recipe recipe = QuadrantImages.recipe("{'epochs': 3, 'batch_size': 8, 'lr': 0.01}");
        ImageDataset train = QuadrantImages.of(16, 1);
        ImageDataset test = QuadrantImages.of(8, 2);
        Path whole = dir.resolve("whole");
        TrainingRun uninterrupted = TrainingRun.prepare(recipe, train, test, whole);
        uninterrupted.trainer().run();
        uninterrupted.network().close();

        Path parts = dir.resolve("parts");
        ImageDataset failing = QuadrantImages.of(16, 1);
        Field labels = ImageDataset.class.getDeclaredField("labels");
        labels.setAccessible(true);
        TrainingRun run = TrainingRun.prepare(recipe, failing, test, parts);
        run.trainer()
                .onEpoch(
                        row -> {
                            try {
                                if (row.epoch() == 2) {
                                    labels.set(failing, new int[0]);
                                }
                            } catch (IllegalAccessException impossible) {
                                throw new AssertionError(impossible);
                            }
                        });
        IndexOutOfBoundsException thrown =
                assertThrows(IndexOutOfBoundsException.class, run.trainer()::run);
        assertTrue(Arrays.toString(thrown.getStackTrace()).contains("ExampleGatherer"));
        run.network().close();
        assertEquals(Progress.State.FAILED, run.trainer().progress().state());
        assertEquals(2, state(parts.resolve("last.safetensors")).get("epoch").getAsInt());

        TrainingRun resumed = TrainingRun.resume(parts, new JsonObject(), train, test);
        resumed.trainer().run();
        resumed.network().close();
        Map<String, byte[]> wanted = tensors(whole.resolve("last.safetensors"));
        Map<String, byte[]> found = tensors(parts.resolve("last.safetensors"));
        assertEquals(wanted.keySet(), found.keySet());
        wanted.forEach((name, bytes) -> assertArrayEquals(bytes, found.get(name), name));
    }

    @Test
    void aFolderThatVanishesIsTold() throws IOException {
        Recipe recipe = QuadrantImages.recipe("{'epochs': 1, 'batch_size': 8}");
        RunFolder folder = folder("run", recipe);
        try (Network network = network(recipe)) {
            Trainer trainer =
                    new Trainer(
                            recipe,
                            network,
                            QuadrantImages.of(8, 1),
                            QuadrantImages.of(8, 2),
                            folder);
            Path moved = dir.resolve("moved");
            Files.move(folder.path(), moved);
            Exception failure = assertThrows(UncheckedIOException.class, trainer::run);
            assertTrue(failure.getMessage().contains(folder.path().toString()));
            assertEquals(Progress.State.FAILED, trainer.progress().state());
        }
    }
}
