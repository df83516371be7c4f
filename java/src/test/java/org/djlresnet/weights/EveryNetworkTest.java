package org.djlresnet.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
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
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.djlresnet.checkpoint.Dtype;
import org.djlresnet.checkpoint.SafetensorsFile;
import org.djlresnet.checkpoint.TensorInfo;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Models;
import org.djlresnet.model.Network;
import org.djlresnet.model.Specification;
import org.djlresnet.model.StateDict;
import org.djlresnet.weights.StateFile.Wanted;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What holds of each network that has a name. */
class EveryNetworkTest {

    private static final int CLASSES = 7;

    @TempDir Path folder;

    static List<String> names() {
        return Models.names();
    }

    /** A network with values that cost less than random ones, and differ from tensor to tensor. */
    private static Network network(String name) {
        Map<String, Initializer> values = new HashMap<>();
        for (String tensor : StateDict.of(Models.get(name).build(CLASSES)).keySet()) {
            float first = 1 + values.size();
            values.put(
                    tensor,
                    (manager, shape, type) ->
                            manager.arange((float) shape.size())
                                    .divi((float) shape.size())
                                    .addi(first)
                                    .reshape(shape));
        }
        return Network.of(
                new Specification(name, 3, Classes.numbered(CLASSES), null), Device.cpu(), values);
    }

    private static Map<String, Shape> shapes(Network network) {
        Map<String, Shape> shapes = new LinkedHashMap<>();
        network.parameters()
                .forEach((name, parameter) -> shapes.put(name, parameter.getArray().getShape()));
        return shapes;
    }

    @ParameterizedTest
    @MethodSource("names")
    void writtenFileHasEveryTensorAndMakesTheSameNetwork(String name) throws IOException {
        Path path = folder.resolve("net.safetensors");
        try (Network network = network(name)) {
            Map<String, Long> counts = new HashMap<>();
            network.batchesTracked().keySet().forEach(tensor -> counts.put(tensor, 5L));
            network.setBatchesTracked(counts);
            StateFile.write(path, network);
            assertHeader(path, network);
            try (StateFile file = StateFile.open(path);
                    Network again =
                            file.network(
                                            new Wanted(name, null, null, false, 0, null, path),
                                            Device.cpu())
                                    .network()) {
                assertEquals(shapes(network), shapes(again));
                assertEquals(counts, again.batchesTracked());
                Map<String, NDArray> read = again.stateDict();
                network.stateDict()
                        .forEach(
                                (tensor, array) ->
                                        assertTrue(array.contentEquals(read.get(tensor)), tensor));
            }
        }
        Files.delete(path);
    }

    /** The names and shapes in the file are the network's, with a counter for each running mean. */
    private static void assertHeader(Path path, Network network) {
        try (SafetensorsFile file = SafetensorsFile.read(path)) {
            Map<String, TensorInfo> written = file.tensors();
            Set<String> expected = new TreeSet<>(shapes(network).keySet());
            Set<String> counters =
                    expected.stream()
                            .filter(tensor -> tensor.endsWith(".running_mean"))
                            .map(tensor -> tensor.replace("running_mean", "num_batches_tracked"))
                            .collect(Collectors.toSet());
            long norms =
                    network.parameters().values().stream()
                            .filter(parameter -> parameter.getType() == Parameter.Type.GAMMA)
                            .count();
            assertEquals(norms, counters.size());
            shapes(network)
                    .forEach(
                            (tensor, shape) ->
                                    assertArrayEquals(
                                            shape.getShape(), written.get(tensor).shape(), tensor));
            for (String counter : counters) {
                assertEquals(Dtype.I64, written.get(counter).dtype(), counter);
                assertArrayEquals(new long[0], written.get(counter).shape(), counter);
            }
            expected.addAll(counters);
            assertEquals(expected, new TreeSet<>(written.keySet()));
        }
    }

    @ParameterizedTest
    @MethodSource("names")
    @ValueSource(
            strings = {
                "resnet18+deep_stem+pooled_shortcut",
                "resnet18+small_stem+zero_init_last_gamma",
                "resnet50+stride_in_1x1+pooled_shortcut",
                "preact-resnet50+stride_in_1x1",
                "cifar-resnet20+option_b"
            })
    void imagesMayBeOfOnePixel(String name) {
        try (Network network = network(name);
                NDManager manager = network.manager().newSubManager()) {
            NDArray images = manager.ones(new Shape(2, 3, 1, 1));
            assertEquals(new Shape(2, CLASSES), network.forward(images, false).getShape());
        }
    }
}
