package org.djlresnet.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.initializer.Initializer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Models;
import org.djlresnet.model.Network;
import org.djlresnet.model.Specification;
import org.djlresnet.model.StateDict;
import org.djlresnet.weights.StateFile.Wanted;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Saves, loads and runs each network, in one pass because some take seconds. */
@Tag("engine")
class EveryNetworkTest {

    private static final int CLASSES = 7;
    private static final int CHANNELS = 2;

    @TempDir Path folder;

    static Stream<String> names() {
        if (!Engine.getInstance().getEngineName().equals("PyTorch")) {
            return Stream.of(
                    "resnet18",
                    "preact-resnet110",
                    "study-resnet20",
                    "plain20",
                    "fashion-net",
                    "airbench94");
        }
        return Stream.concat(
                Models.names().stream().filter(name -> !Models.get(name).isAutoencoder()),
                Stream.of(
                        "resnet18+deep_stem+pooled_shortcut",
                        "resnet18+small_stem+zero_init_last_gamma",
                        "resnet50+stride_in_1x1+pooled_shortcut",
                        "preact-resnet50+stride_in_1x1",
                        "cifar-resnet20+option_b"));
    }

    @BeforeAll
    static void disableGradients() {
        EngineTraits.of(Engine.getInstance()).disableRecording();
    }

    /** Makes values that differ between and within tensors; running variances are above 0. */
    private static Network network(String name) {
        Map<String, Initializer> values = new HashMap<>();
        for (String tensor : StateDict.of(Models.get(name).build(CLASSES)).keySet()) {
            float first = 1e-3f * (1 + Math.floorMod(tensor.hashCode(), 997));
            values.put(
                    tensor,
                    (manager, shape, type) ->
                            manager.arange((float) shape.size())
                                    .divi((float) shape.size())
                                    .addi(first)
                                    .divi((float) shape.size() / shape.get(0))
                                    .reshape(shape));
        }
        return Network.of(
                new Specification(name, CHANNELS, Classes.numbered(CLASSES), null),
                Device.cpu(),
                values,
                0);
    }

    @ParameterizedTest
    @MethodSource("names")
    void savesLoadsAndRuns(String name) throws IOException {
        Path path = folder.resolve("net.safetensors");
        try (Network network = network(name)) {
            Map<String, Long> counts = new HashMap<>();
            network.batchesTracked().keySet().forEach(tensor -> counts.put(tensor, 5L));
            network.setBatchesTracked(counts);

            Checkpoint.save(path, network, null, Map.of());
            try (Checkpoint checkpoint = Checkpoint.open(path);
                    Network loaded = checkpoint.network(Device.cpu())) {
                assertEquals(name, loaded.model());
                assertSame(network, loaded);
                assertArrayEquals(logits(network), logits(loaded));
            }
            StateFile.write(path, network);
            try (StateFile file = StateFile.open(path);
                    Network imported =
                            file.network(
                                            new Wanted(name, null, null, false, 0, null, path),
                                            Device.cpu())
                                    .network()) {
                assertSame(network, imported);
            }
        }
        Files.delete(path);
    }

    private static Map<String, Shape> shapes(Network network) {
        Map<String, Shape> shapes = new LinkedHashMap<>();
        network.parameters()
                .forEach((name, parameter) -> shapes.put(name, parameter.getArray().getShape()));
        return shapes;
    }

    private static void assertSame(Network expected, Network actual) {
        assertEquals(List.copyOf(shapes(expected).keySet()), List.copyOf(shapes(actual).keySet()));
        assertEquals(shapes(expected), shapes(actual));
        assertEquals(expected.batchesTracked(), actual.batchesTracked());
        Map<String, NDArray> arrays = actual.stateDict();
        expected.stateDict()
                .forEach(
                        (tensor, array) ->
                                assertTrue(array.contentEquals(arrays.get(tensor)), tensor));
    }

    /** Runs a network on the smallest images, mostly of one pixel. */
    private static float[] logits(Network network) {
        int size = Models.get(network.model()).smallest();
        try (NDManager manager = network.manager().newSubManager()) {
            NDArray pixels = manager.arange(4f * size * size).sin().reshape(2, 2, size, size);
            NDArray logits = network.forward(pixels, false);
            assertEquals(new Shape(2, CLASSES), logits.getShape());
            return logits.toFloatArray();
        }
    }

    @Test
    void acceptsTimmsNames() {
        Models.Model model = Models.get("resnet50d");
        assertEquals("resnet50+deep_stem+pooled_shortcut", model.name());
        assertEquals(
                "resnet18+deep_stem+pooled_shortcut+zero_init_last_gamma",
                Models.get("resnet18d+zero_init_last_gamma").name());
        try (Network network =
                Network.create("resnet50d", 3, Classes.numbered(1000).names(), 0, Device.cpu())) {
            long parameters =
                    network.parameters().values().stream()
                            .filter(Parameter::requiresGradient)
                            .mapToLong(parameter -> parameter.getArray().size())
                            .sum();
            assertEquals(25_576_264, parameters); // timm 1.0: sum(p.numel() for p in parameters())
        }
    }
}
