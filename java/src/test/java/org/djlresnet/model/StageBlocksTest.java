package org.djlresnet.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.djlresnet.UnsettledNetwork;
import org.djlresnet.UserException;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.engine.Precision;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Compares rearranged networks with networks of changed weights. */
@Tag("engine")
class StageBlocksTest {

    @BeforeAll
    static void recordInCollectorsOnly() {
        EngineTraits.of(Engine.getInstance()).disableRecording();
    }

    private static Network unsettled(String model) {
        Network network = Network.create(model, 3, Classes.numbered(5).names(), 5, Device.cpu());
        UnsettledNetwork.unsettle(network);
        return network;
    }

    private static NDArray images(NDManager manager) {
        return manager.arange(3f * 3 * 12 * 12).mul(0.37f).sin().reshape(3, 3, 12, 12);
    }

    private static List<String> names(Network network) {
        List<String> names = new ArrayList<>();
        StageBlocks.of(network.block()).forEach(place -> names.add(place.name()));
        return names;
    }

    private static void arrange(Network network, List<String> names) {
        StageBlocks.arrange(network.model(), network.block(), names);
    }

    /** The logits of the blocks, after comparing them with the program's. */
    private static float[] logits(Network network) {
        try (NDManager manager = network.manager().newSubManager();
                Inference inference = new Inference(network, Precision.FLOAT32, true)) {
            NDArray images = images(manager);
            float[] logits = network.forward(images, false).toFloatArray();
            assertArrayEquals(
                    logits, inference.forward(images).toFloatArray(), 1e-4f * max(logits));
            return logits;
        }
    }

    private static float max(float[] values) {
        float max = 0;
        for (float value : values) {
            max = Math.max(max, Math.abs(value));
        }
        assertTrue(max > 1e-3, "a comparison of zeros");
        return max;
    }

    private static void assertClose(float[] expected, float[] actual) {
        assertArrayEquals(expected, actual, 1e-4f * max(expected));
    }

    private static void change(Network network, BiFunction<String, NDArray, NDArray> values) {
        try (NDManager manager = network.manager().newSubManager()) {
            Map<String, NDArray> state = new LinkedHashMap<>();
            network.stateDict()
                    .forEach((name, array) -> state.put(name, values.apply(name, array)));
            state.replaceAll(
                    (name, array) -> {
                        NDArray copy = array.duplicate();
                        copy.attach(manager);
                        return copy;
                    });
            network.loadStateDict(state);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "cifar-resnet20, layer1.0, layer1.2",
        "study-plain20, layer3.1, layer3.2",
        "d2l-resnet18, layer1.0, layer1.1",
    })
    void exchangingBlocksIsExchangingTheirWeights(String model, String first, String second) {
        try (Network network = unsettled(model)) {
            List<String> own = names(network);
            List<String> order = new ArrayList<>(own);
            order.set(own.indexOf(first), second);
            order.set(own.indexOf(second), first);
            float[] complete = logits(network);
            arrange(network, order);
            float[] exchanged = logits(network);
            arrange(network, own);
            assertArrayEquals(complete, logits(network));
            Map<String, NDArray> before = network.stateDict();
            change(
                    network,
                    (name, array) -> {
                        if (name.startsWith(first + ".")) {
                            return before.get(second + name.substring(first.length()));
                        }
                        if (name.startsWith(second + ".")) {
                            return before.get(first + name.substring(second.length()));
                        }
                        return array;
                    });
            assertClose(logits(network), exchanged);
            assertTrue(distance(complete, exchanged) > 1e-2 * max(complete));
        }
    }

    private static double distance(float[] a, float[] b) {
        double most = 0;
        for (int i = 0; i < a.length; i++) {
            most = Math.max(most, Math.abs(a[i] - b[i]));
        }
        return most;
    }

    private static List<Integer> groups(Network network) {
        return StageBlocks.of(network.block()).stream().map(StageBlocks.Place::group).toList();
    }

    @Test
    void leavingAResidualBlockOutIsZeroingItsLastNormalization() {
        try (Network network = unsettled("study-resnet20")) {
            List<String> without = names(network);
            without.removeAll(List.of("layer1.1", "layer3.2"));
            arrange(network, without);
            float[] lesioned = logits(network);
            arrange(network, names(network));
            ResidualBlocks.bypass("", network.block(), List.of("layer1.1", "layer3.2"));
            assertClose(lesioned, logits(network));
            ResidualBlocks.bypass("", network.block(), List.of());
            change(
                    network,
                    (name, array) ->
                            name.matches("(layer1.1|layer3.2)\\.bn2\\.(weight|bias)")
                                    ? array.zerosLike()
                                    : array);
            assertClose(lesioned, logits(network));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "cifar-resnet20, 0 0 0 1 2 2 3 4 4",
        "study-plain20, 0 0 1 2 2 3 4 4 4",
        "resnet50, 0 1 1 2 3 3 3 4 5 5 5 5 5 6 7 7",
        "fashion-net, 0 1 2",
        // the first block after the stem omits its first normalization
        "preact-resnet18, 0 1 2 3 4 5 6 7",
    })
    void equalBlocksThatFollowEachOtherFormAGroup(String model, String groups) {
        try (Network network = unsettled(model)) {
            String found = String.join(" ", groups(network).stream().map(String::valueOf).toList());
            assertEquals(groups, found);
        }
    }

    @Test
    void impossibleArrangementsAreRejected() {
        try (Network network = unsettled("cifar-resnet20")) {
            List<String> own = names(network);
            float[] complete = logits(network);
            assertRejected(network, "without 'layer2.0'. Add it.", own, "layer2.0", null);
            assertRejected(network, "'layer2.1' before 'layer2.0'", own, "layer2.0", "layer2.1");
            assertRejected(network, "'layer3.1' before 'layer1.1'", own, "layer1.0", "layer3.1");
            assertRejected(network, "'layer1.1' twice", own, "layer1.0", "layer1.1 again");
            assertRejected(network, "no block 'layer1.7'", own, "layer1.0", "layer1.7");
            assertArrayEquals(complete, logits(network));
        }
    }

    /**
     * Rejects an order in which another block has the place of the first, and that of the other.
     */
    private static void assertRejected(
            Network network, String message, List<String> own, String first, String other) {
        List<String> order = new ArrayList<>(own);
        if (other == null) {
            order.remove(first);
        } else {
            String name = other.replace(" again", "");
            if (own.contains(name) && name.equals(other)) {
                order.set(own.indexOf(name), first);
            }
            order.set(own.indexOf(first), name);
        }
        UserException error =
                assertThrows(UserException.class, () -> arrange(network, order), message);
        assertTrue(error.getMessage().contains(message), error.getMessage());
        assertFalse(error.getMessage().contains("%"), error.getMessage());
    }
}
