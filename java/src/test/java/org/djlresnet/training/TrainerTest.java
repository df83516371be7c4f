package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.djlresnet.QuadrantImages;
import org.djlresnet.UserException;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.image.PixelType;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Network;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Tag("engine")
@Timeout(300)
class TrainerTest extends TrainerFixture {

    @Test
    void rowHasTheRateOfItsLastStep() {
        Recipe recipe =
                QuadrantImages.recipe(
                        "{'epochs': 3, 'batch_size': 8, 'lr': 0.04, 'schedule': 'step',"
                                + " 'step_epochs': 1, 'step_factor': 0.5}");
        try (Network network = network(recipe)) {
            Trainer trainer = trainer(recipe, network, 8, 8, null);
            trainer.run();
            assertEquals(
                    List.of(0.04, 0.02, 0.01),
                    trainer.progress().rows().stream().map(EpochRow::lr).toList());
        }
    }

    @Test
    void learns() throws IOException {
        Recipe recipe = QuadrantImages.recipe("{'epochs': 3, 'batch_size': 16, 'lr': 0.005}");
        RunFolder folder = folder("run", recipe);
        Set<String> threadsBefore = threads();
        try (Network network = network(recipe)) {
            int arraysBefore = network.manager().getManagedArrays().size();
            Trainer trainer = trainer(recipe, network, 128, 32, folder);
            List<Integer> arrays = new ArrayList<>();
            trainer.onEpoch(row -> arrays.add(network.manager().getManagedArrays().size()));
            assertEquals(Progress.State.STARTING, trainer.progress().state());

            trainer.run();

            assertEquals(Progress.State.DONE, trainer.progress().state());
            List<EpochRow> rows = trainer.progress().rows();
            assertEquals(3, rows.size());
            EpochRow first = rows.get(0);
            EpochRow last = rows.get(2);
            assertTrue(last.metric("train_loss") < first.metric("train_loss") / 2, rows.toString());
            // chance is 0.25
            assertTrue(last.metric("train_accuracy") > 0.8, rows.toString());
            assertTrue(last.metric("test_accuracy") > 0.8, rows.toString());
            for (int i = 0; i < 3; i++) {
                assertEquals(i + 1, rows.get(i).epoch());
                assertEquals(8 * (i + 1), rows.get(i).step());
                assertEquals(0.005, rows.get(i).lr());
            }
            List<String> csv = Files.readAllLines(folder.metrics());
            assertEquals(EpochRow.csvHeader(Rows.COLUMNS), csv.get(0));
            assertEquals(rows.stream().map(EpochRow::toCsv).toList(), csv.subList(1, 4));

            // arrays of a step or epoch are freed at its end
            assertEquals(arrays.get(0), arrays.get(2));
            assertEquals(arraysBefore, network.manager().getManagedArrays().size());
            assertTrue(threadsBefore.containsAll(threads()), threads().toString());
            assertEquals(parameters(network).keySet(), tensors(folder.last()).keySet());
            assertSameBytes(parameters(network), tensors(folder.last()));
        }
        try (Checkpoint last = Checkpoint.open(folder.last());
                Checkpoint best = Checkpoint.open(folder.best())) {
            JsonObject state = JsonParser.parseString(last.describe()).getAsJsonObject();
            assertEquals(3, state.get("epoch").getAsInt());
            assertEquals(24, state.get("step").getAsInt());
            double most =
                    state.getAsJsonArray("history").asList().stream()
                            .mapToDouble(
                                    row -> row.getAsJsonObject().get("test_accuracy").getAsDouble())
                            .max()
                            .getAsDouble();
            assertEquals(most, state.getAsJsonObject("best").get("value").getAsDouble());
            JsonObject bestState = JsonParser.parseString(best.describe()).getAsJsonObject();
            int bestEpoch = bestState.get("epoch").getAsInt();
            assertEquals(
                    most,
                    bestState
                            .getAsJsonArray("history")
                            .get(bestEpoch - 1)
                            .getAsJsonObject()
                            .get("test_accuracy")
                            .getAsDouble());
        }
    }

    @Test
    void equalSeedsGiveEqualBytes() {
        List<Map<String, byte[]>> runs = new ArrayList<>();
        for (int seed : new int[] {7, 7, 8}) {
            Recipe recipe =
                    QuadrantImages.recipe(
                            "{'epochs': 1, 'batch_size': 8, 'momentum': 0.9, 'seed': "
                                    + seed
                                    + "}");
            RunFolder folder = folder("run" + runs.size(), recipe);
            try (Network network = network(recipe)) {
                trainer(recipe, network, 20, 8, folder).run();
            }
            runs.add(tensors(folder.last()));
        }
        assertTrue(runs.get(0).containsKey("optimizer/momentum/conv1.weight"));
        assertSameBytes(runs.get(0), runs.get(1));
        assertFalse(
                Arrays.equals(runs.get(0).get("conv1.weight"), runs.get(2).get("conv1.weight")));
    }

    @Test
    void stopBeforeTheRunSavesStepZero() {
        Recipe recipe = QuadrantImages.recipe("{'epochs': 2, 'batch_size': 8}");
        RunFolder folder = folder("run", recipe);
        try (Network network = network(recipe)) {
            Map<String, byte[]> before = parameters(network);
            Trainer trainer = trainer(recipe, network, 16, 8, folder);
            trainer.stop();
            trainer.run();
            assertEquals(Progress.State.STOPPED, trainer.progress().state());
            assertTrue(trainer.progress().rows().isEmpty());
            assertSameBytes(before, tensors(folder.last()));
        }
        JsonObject state = state(folder.last());
        assertEquals(0, state.get("epoch").getAsInt());
        assertEquals(0, state.get("step").getAsInt());
        assertTrue(state.get("best").isJsonNull());
        assertFalse(Files.exists(folder.best()));
    }

    @Test
    void stopEndsWithinOneBatch() throws InterruptedException {
        Recipe recipe =
                QuadrantImages.recipe(
                        "{'epochs': 1, 'batch_size': 2, 'momentum': 0.5, 'lr': 1e-6}");
        RunFolder folder = folder("run", recipe);
        try (Network network = network(recipe)) {
            Trainer trainer = trainer(recipe, network, 2000, 8, folder);
            Thread thread = new Thread(trainer::run);
            thread.start();
            while (thread.isAlive() && progress(trainer).get("step").getAsLong() < 3) {
                Thread.onSpinWait();
            }
            trainer.stop();
            long stepAtStop = progress(trainer).get("step").getAsLong();
            thread.join();
            assertEquals(Progress.State.STOPPED, trainer.progress().state());
            long step = progress(trainer).get("step").getAsLong();
            assertTrue(step >= 3 && step <= stepAtStop + 1, step + " after " + stepAtStop);

            JsonObject state = state(folder.last());
            assertEquals(step, state.get("step").getAsLong());
            assertEquals(0, state.get("epoch").getAsInt());
            JsonObject partial = state.getAsJsonObject("partial");
            assertEquals(2 * step, partial.get("examples").getAsLong());
            assertTrue(partial.getAsJsonObject("sums").get("loss").getAsDouble() > 0);
            assertTrue(partial.getAsJsonObject("sums").get("accuracy").getAsLong() <= 2 * step);
            assertTrue(partial.get("seconds").getAsDouble() > 0);
            Map<String, byte[]> saved = tensors(folder.last());
            parameters(network).forEach((name, bytes) -> assertArrayEquals(bytes, saved.get(name)));
            assertTrue(saved.containsKey("optimizer/momentum/fc.weight"));
        }
    }

    @Test
    void stopInValidationKeepsTheTrainingSums() throws InterruptedException {
        Recipe recipe = QuadrantImages.recipe("{'epochs': 1, 'batch_size': 2, 'lr': 0.001}");
        RunFolder folder = folder("run", recipe);
        try (Network network = network(recipe)) {
            Trainer trainer = trainer(recipe, network, 4, 4000, folder);
            Thread thread = new Thread(trainer::run);
            thread.start();
            while (thread.isAlive() && trainer.progress().state() != Progress.State.VALIDATING) {
                Thread.onSpinWait();
            }
            trainer.stop();
            thread.join();
            assertEquals(Progress.State.STOPPED, trainer.progress().state());
            assertTrue(progress(trainer).get("done").getAsLong() < 4000);
            JsonObject state = state(folder.last());
            assertEquals(0, state.get("epoch").getAsInt());
            assertEquals(2, state.get("step").getAsInt());
            assertEquals(4, state.getAsJsonObject("partial").get("examples").getAsInt());
            assertEquals(0, state.getAsJsonArray("history").size());
        }
    }

    @Test
    void stopBetweenEpochsKeepsThem() {
        Recipe recipe = QuadrantImages.recipe("{'epochs': 3, 'batch_size': 8}");
        RunFolder folder = folder("run", recipe);
        try (Network network = network(recipe)) {
            Trainer trainer = trainer(recipe, network, 16, 8, folder);
            trainer.onEpoch(row -> trainer.stop());
            trainer.run();
            assertEquals(Progress.State.STOPPED, trainer.progress().state());
            assertEquals(1, trainer.progress().rows().size());
        }
        JsonObject state = state(folder.last());
        assertEquals(1, state.get("epoch").getAsInt());
        assertEquals(2, state.get("step").getAsInt());
        assertEquals(1, state.getAsJsonArray("history").size());
    }

    @Test
    void rejectsDataThatDoNotFit() {
        Recipe recipe = QuadrantImages.recipe("{}");
        ImageDataset good = QuadrantImages.of(8, 1);
        ImageDataset two =
                ImageDataset.of(
                        ByteBuffer.allocateDirect(4),
                        PixelType.UINT8,
                        new long[] {2, 2, 1, 1},
                        new int[] {0, 1},
                        QuadrantImages.CLASSES);
        ImageDataset manyClasses =
                ImageDataset.of(
                        ByteBuffer.allocateDirect(2),
                        PixelType.UINT8,
                        new long[] {2, 1, 1, 1},
                        new int[] {0, 1},
                        Classes.numbered(5).names());
        try (Network network = network(recipe)) {
            assertEquals(
                    "Images with 2 channels cannot be converted to images with 1 channel. Allowed: the same"
                            + " number, 3 to 1, or 1 to 3.",
                    refused(recipe, network, good, two));
            assertEquals(
                    "The data have more classes than the network. Received: 5. Allowed: up to 4.",
                    refused(recipe, network, manyClasses, good));
            assertEquals(
                    "Training needs at least 2 examples. Received: 1.",
                    refused(recipe, network, good.limit(1), good));
        }
    }

    private static String refused(
            Recipe recipe, Network network, ImageDataset train, ImageDataset test) {
        return assertThrows(
                        UserException.class, () -> new Trainer(recipe, network, train, test, null))
                .getMessage();
    }
}
