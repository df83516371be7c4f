package org.djlresnet.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.initializer.Initializer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Models;
import org.djlresnet.model.Network;
import org.djlresnet.model.Specification;
import org.djlresnet.model.StateDict;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every network by name: saved, loaded and run on the least image. */
class FamilyCheckpointTest {

    @TempDir Path dir;

    @BeforeAll
    static void recordInCollectorsOnly() {
        EngineTraits.of(Engine.getInstance()).disableRecording();
    }

    static Stream<String> everyName() {
        return Stream.concat(
                Models.names().stream(),
                Stream.of("resnet50+deep_stem+pooled_shortcut", "cifar-resnet20+option_b"));
    }

    @ParameterizedTest
    @MethodSource("everyName")
    void savedAndLoadedNetworkIsTheSame(String name) throws IOException {
        assertSurvives(name);
    }

    @Test
    @Tag("engine")
    void savedAndLoadedNetworkIsTheSameOnBothEngines() throws IOException {
        for (String name : List.of("resnet18", "preact-resnet110", "study-resnet20", "plain20")) {
            assertSurvives(name);
        }
    }

    private void assertSurvives(String name) throws IOException {
        Path file = dir.resolve("network.safetensors");
        try (Network network = network(name)) {
            Checkpoint.save(file, network, null, Map.of());
            try (Checkpoint checkpoint = Checkpoint.open(file);
                    Network loaded = checkpoint.network(Device.cpu())) {
                assertEquals(name, loaded.model());
                assertEquals(
                        List.copyOf(network.parameters().keySet()),
                        List.copyOf(loaded.parameters().keySet()));
                for (Map.Entry<String, Parameter> tensor : network.parameters().entrySet()) {
                    NDArray other = loaded.parameters().get(tensor.getKey()).getArray();
                    assertEquals(tensor.getValue().getArray(), other, tensor.getKey());
                }
                assertArrayEquals(logits(network), logits(loaded));
            }
        } finally {
            Files.deleteIfExists(file);
        }
    }

    /** Each tensor has a value of its own, and running variances are above 0. */
    private static Network network(String name) {
        Map<String, Initializer> values = new HashMap<>();
        for (String tensor : StateDict.of(Models.get(name).build(3)).keySet()) {
            float value = 1e-3f * (1 + Math.floorMod(tensor.hashCode(), 997));
            values.put(
                    tensor, (manager, shape, type) -> manager.full(shape, value, DataType.FLOAT32));
        }
        return Network.of(
                new Specification(name, 2, Classes.numbered(3), null), Device.cpu(), values);
    }

    private static float[] logits(Network network) {
        try (NDManager manager = network.manager().newSubManager()) {
            NDArray pixel = manager.create(new float[] {0.5f, -1}, new Shape(1, 2, 1, 1));
            float[] logits = network.forward(pixel, false).toFloatArray();
            assertEquals(3, logits.length);
            return logits;
        }
    }
}
