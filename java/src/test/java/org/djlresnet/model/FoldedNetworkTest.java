package org.djlresnet.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import org.djlresnet.UnsettledNetwork;
import org.djlresnet.engine.EngineTraits;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A folded network against the network that it was made of. */
@Tag("engine")
class FoldedNetworkTest {

    /** Of the largest logit; the two differ by rounding. */
    private static final float TOLERANCE = 1e-5f;

    @BeforeAll
    static void recordInCollectorsOnly() {
        EngineTraits.of(Engine.getInstance()).disableRecording();
    }

    private static Network trained(String model) {
        Network network = Network.create(model, 3, Network.numbered(7), 5, Device.cpu());
        UnsettledNetwork.unsettle(network);
        return network;
    }

    private static NDArray images(NDManager manager, int examples, int size) {
        return manager.arange((float) examples * 3 * size * size)
                .mul(0.37f)
                .sin()
                .reshape(examples, 3, size, size);
    }

    private static void assertClose(float[] expected, float[] actual) {
        float largest = 0;
        for (float value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        assertTrue(largest > 1e-3, "a comparison of zeros");
        assertArrayEquals(expected, actual, TOLERANCE * largest);
    }

    @ParameterizedTest
    @CsvSource({
        "d2l-resnet18, 28",
        "resnet18+deep_stem+pooled_shortcut, 33",
        "resnet50, 32",
        "resnext50_32x4d, 17",
        "preact-resnet18, 40",
        "preact-resnet50+stride_in_1x1, 32",
        "cifar-resnet20, 32",
        "cifar-resnet20+option_b, 9",
        "study-resnet20, 15",
        "study-plain20, 32",
    })
    void logitsAreTheNetworks(String model, int size) {
        try (Network network = trained(model);
                NDManager manager = network.manager().newSubManager()) {
            network.arrangeFor(size, size);
            NDArray x = images(manager, 64, size);
            float[] before = x.toFloatArray();
            float[] expected = network.forward(x, false).toFloatArray();
            try (FoldedNetwork folded = new FoldedNetwork(network)) {
                assertClose(expected, folded.forward(x).toFloatArray());
                // what was prepared serves again, and the images are as they were
                assertClose(expected, folded.forward(x).toFloatArray());
                assertArrayEquals(before, x.toFloatArray());
            }
        }
    }

    @Test
    void batchesMayDifferInSize() {
        try (Network network = trained("d2l-resnet18");
                NDManager manager = network.manager().newSubManager();
                FoldedNetwork folded = new FoldedNetwork(network)) {
            for (int size : new int[] {28, 1, 64, 28}) {
                NDArray x = images(manager, 5, size);
                assertClose(
                        network.forward(x, false).toFloatArray(), folded.forward(x).toFloatArray());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"cifar-resnet20", "d2l-resnet18"})
    void isIndependentOfTheNetworkAndFreesItsMemory(String model) {
        try (Network network = trained(model)) {
            int arrays = network.manager().getManagedArrays().size();
            try (NDManager manager = network.manager().newSubManager();
                    FoldedNetwork folded = new FoldedNetwork(network)) {
                NDArray x = images(manager, 2, 28);
                int before = manager.getManagedArrays().size();
                float[] logits = folded.forward(x).toFloatArray();
                // of more than seventy arrays only the logits stay and, on MXNet, a few from slices
                assertTrue(manager.getManagedArrays().size() <= before + 10);
                // in place, as an optimizer does
                network.parameters().values().forEach(p -> p.getArray().addi(0.1));
                assertArrayEquals(logits, folded.forward(x).toFloatArray());
                NDArray now = network.forward(x, false);
                assertFalse(now.allClose(manager.create(logits, new Shape(2, 7))));
            }
            assertEquals(arrays, network.manager().getManagedArrays().size());
        }
    }
}
