package org.djlresnet.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.djlresnet.UserException;
import org.djlresnet.checkpoint.Dtype;
import org.djlresnet.checkpoint.SafetensorsFile;
import org.djlresnet.checkpoint.Tensor;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Network;
import org.djlresnet.weights.StateFile.Wanted;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("engine")
class StateFileTest {

    private static final String NAME = "cifar-resnet20+option_b";

    @TempDir Path folder;

    private static Network network(long seed) {
        return Network.create(NAME, 3, Classes.numbered(4).names(), seed, Device.cpu());
    }

    private static void assertSame(Network expected, Network received) {
        assertEquals(expected.stateDict().keySet(), received.stateDict().keySet());
        expected.stateDict()
                .forEach(
                        (name, array) ->
                                assertArrayEquals(
                                        array.toFloatArray(),
                                        received.stateDict().get(name).toFloatArray(),
                                        name));
        assertEquals(expected.batchesTracked(), received.batchesTracked());
    }

    @Test
    void readsBackWhatItWrites() throws IOException {
        Path path = folder.resolve("net.safetensors");
        try (Network network = network(1)) {
            network.stateDict().get("layer2.0.bn1.running_mean").addi(0.25f);
            network.setBatchesTracked(Map.of("layer1.0.bn1.num_batches_tracked", 7L));
            StateFile.write(path, network);
            try (StateFile file = StateFile.open(path)) {
                StateFile.Imported imported =
                        file.network(
                                new Wanted(NAME, null, null, false, 0, null, path), Device.cpu());
                try (Network again = imported.network()) {
                    assertEquals(List.of(), imported.fresh());
                    assertEquals(3, again.inChannels());
                    assertEquals(List.of("0", "1", "2", "3"), again.classNames());
                    assertSame(network, again);
                }
            }
        }
    }

    @Test
    void countsTrainingBatchesAsPyTorch() {
        try (Network network = network(1);
                NDManager manager = network.manager().newSubManager()) {
            NDArray images = manager.ones(new Shape(2, 3, 8, 8));
            network.forward(images, false);
            assertEquals(0L, network.batchesTracked().get("layer3.2.bn2.num_batches_tracked"));
            try (var collector = network.manager().getEngine().newGradientCollector()) {
                collector.backward(network.forward(images, true).sum());
            }
            assertEquals(1L, network.batchesTracked().get("layer3.2.bn2.num_batches_tracked"));
            assertEquals(21, network.batchesTracked().size());
        }
    }

    /** Writes the network's tensors under other names, and some more tensors. */
    private Path write(Network network, UnaryOperator<String> rename, Tensor... more)
            throws IOException {
        Path path = folder.resolve("renamed.safetensors");
        List<Tensor> tensors = new ArrayList<>(List.of(more));
        try (NDManager scope = network.manager().newSubManager()) {
            network.stateDict()
                    .forEach(
                            (name, array) -> {
                                String renamed = rename.apply(name);
                                if (renamed != null) {
                                    tensors.add(Tensor.of(renamed, array, scope));
                                }
                            });
            SafetensorsFile.write(path, Map.of(), tensors);
        }
        return path;
    }

    private static Tensor zeros(String name, Dtype dtype, long... shape) {
        int size = (int) Arrays.stream(shape).reduce(1, Math::multiplyExact);
        return new Tensor(name, dtype, shape, ByteBuffer.allocateDirect(size * dtype.bytes()));
    }

    private static StateFile.Imported read(Path path, boolean newHead) {
        List<String> classes = newHead ? List.of("a", "b") : null;
        try (StateFile file = StateFile.open(path)) {
            return file.network(
                    new Wanted(NAME, null, classes, newHead, 0, null, path), Device.cpu());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"module.", "module._orig_mod.", "model.encoder."})
    void removesThePrefixOfWrappers(String prefix) throws IOException {
        try (Network network = network(1)) {
            Path path =
                    write(
                            network,
                            name -> prefix + name,
                            zeros("n_averaged", Dtype.I64),
                            zeros(prefix + "bn1.num_batches_tracked", Dtype.I64));
            StateFile.Imported imported = read(path, false);
            try (Network again = imported.network()) {
                assertEquals(prefix, imported.prefix());
                assertEquals(List.of(), imported.left());
                assertSame(network, again);
            }
            try (StateFile file = StateFile.open(path)) {
                assertNull(file.preprocessing(NAME));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"head.fc", "last_linear", "linear", "classifier.1"})
    void acceptsALastLayerOfAnotherName(String head) throws IOException {
        try (Network network = network(1)) {
            Path path =
                    write(
                            network,
                            name ->
                                    name.startsWith("fc.")
                                            ? name.replace("fc", head)
                                            : "backbone." + name);
            StateFile.Imported imported = read(path, false);
            try (Network again = imported.network()) {
                assertEquals("backbone.", imported.prefix());
                assertSame(network, again);
            }
            StateFile.Imported replaced = read(path, true);
            try (Network again = replaced.network()) {
                assertEquals(List.of("fc.weight", "fc.bias"), replaced.fresh());
                assertEquals(2, replaced.left().size());
                assertEquals(List.of("a", "b"), again.classNames());
            }
        }
    }

    @Test
    void aNewHeadReplacesALastLayerOfSeveralLayers() throws IOException {
        Tensor[] head = {
            zeros("head.0.weight", Dtype.F32, 8, 64),
            zeros("head.0.bias", Dtype.F32, 8),
            zeros("head.2.weight", Dtype.F32, 4, 8),
            zeros("head.2.bias", Dtype.F32, 4)
        };
        try (Network network = network(1)) {
            Path path = write(network, name -> name.startsWith("fc.") ? null : name, head);
            StateFile.Imported imported = read(path, true);
            imported.network().close();
            assertEquals(
                    List.of("head.0.weight", "head.0.bias", "head.2.weight", "head.2.bias"),
                    imported.left());
            String message =
                    assertThrows(UserException.class, () -> read(path, false)).getMessage();
            assertTrue(message.contains("2 missing: fc.weight, fc.bias"), message);
            assertTrue(message.contains("head.2.bias"), message);
            assertTrue(message.contains("--new-head N"), message);
        }
    }

    @Test
    void rejectsTwoTensorsForOneName() throws IOException {
        try (Network network = network(1)) {
            Path path =
                    write(
                            network,
                            name -> "backbone." + name,
                            zeros("fc.weight", Dtype.F32, 4, 64),
                            zeros("fc.bias", Dtype.F32, 4));
            String message =
                    assertThrows(UserException.class, () -> read(path, false)).getMessage();
            assertTrue(message.contains("backbone.conv1.weight"), message);
        }
    }
}
