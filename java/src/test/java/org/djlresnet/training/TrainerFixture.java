package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.djlresnet.QuadrantImages;
import org.djlresnet.checkpoint.SafetensorsFile;
import org.djlresnet.model.Network;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.io.TempDir;

/** Helpers for tests of the training loop. */
abstract class TrainerFixture {

    @TempDir Path dir;

    static Network network(Recipe recipe) {
        return Network.create(QuadrantImages.specification(recipe), recipe.seed(), Device.cpu());
    }

    static Trainer trainer(Recipe recipe, Network network, int train, int test, RunFolder folder) {
        return new Trainer(
                recipe, network, QuadrantImages.of(train, 1), QuadrantImages.of(test, 2), folder);
    }

    /** Stops a run after some more steps. */
    static void stopAfter(int steps, Trainer trainer) {
        AtomicInteger left = new AtomicInteger(steps);
        trainer.onGradients(
                gradients -> {
                    if (left.decrementAndGet() == 0) {
                        trainer.stop();
                    }
                });
    }

    RunFolder folder(String name, Recipe recipe) {
        return RunFolder.create(dir.resolve(name), Rows.contents(recipe));
    }

    static Map<String, byte[]> tensors(Path file) {
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

    static Map<String, byte[]> parameters(Network network) {
        Map<String, byte[]> values = new LinkedHashMap<>();
        network.parameters()
                .forEach((name, parameter) -> values.put(name, parameter.getArray().toByteArray()));
        return values;
    }

    static JsonObject state(Path file) {
        try (SafetensorsFile open = SafetensorsFile.read(file)) {
            return JsonParser.parseString(open.metadata().get("py_djl_resnet"))
                    .getAsJsonObject()
                    .getAsJsonObject("run");
        }
    }

    static void assertSameBytes(Map<String, byte[]> expected, Map<String, byte[]> actual) {
        assertEquals(expected.keySet(), actual.keySet());
        expected.forEach((name, bytes) -> assertArrayEquals(bytes, actual.get(name), name));
    }

    static void finish(TrainingRun run) {
        run.trainer().run();
        run.network().close();
    }

    static void finishSteps(int steps, TrainingRun run) {
        stopAfter(steps, run.trainer());
        finish(run);
    }

    /** Compares the tensors of last and best and the rows of metrics.csv, except times. */
    static void assertSameResult(Path expected, Path actual) throws IOException {
        for (String file : List.of("last.safetensors", "best.safetensors")) {
            assertSameBytes(tensors(expected.resolve(file)), tensors(actual.resolve(file)));
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

    static Set<String> threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(Thread::isAlive)
                .map(Thread::getName)
                .collect(Collectors.toSet());
    }

    static JsonObject progress(Trainer trainer) {
        return JsonParser.parseString(trainer.progress().toJson(0)).getAsJsonObject();
    }
}
