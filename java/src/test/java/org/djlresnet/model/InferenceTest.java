package org.djlresnet.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.List;
import org.djlresnet.UnsettledNetwork;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.engine.Precision;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Compares evaluation programs with the blocks. */
class InferenceTest {

    @BeforeAll
    static void recordInCollectorsOnly() {
        EngineTraits.of(Engine.getInstance()).disableRecording();
    }

    private static Network trained(String model) {
        Network network = Network.create(model, 3, Classes.numbered(7).names(), 5, Device.cpu());
        UnsettledNetwork.unsettle(network);
        return network;
    }

    private static NDArray images(NDManager manager, int examples, int size) {
        return manager.arange((float) examples * 3 * size * size)
                .mul(0.37f)
                .sin()
                .reshape(examples, 3, size, size);
    }

    private static void assertClose(NDArray expected, NDArray actual, Precision precision) {
        float[] values = expected.toFloatArray();
        float largest = 0;
        for (float value : values) {
            largest = Math.max(largest, Math.abs(value));
        }
        assertTrue(largest > 1e-3, "a comparison of zeros");
        assertEquals(DataType.FLOAT32, actual.getDataType());
        // 50 layers of bfloat16 are 0.021 off, 20 layers less than half of that
        float tolerance = precision == Precision.FLOAT32 ? 1e-5f : 2.5e-2f;
        assertArrayEquals(values, actual.toFloatArray(), tolerance * largest);
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
        "fashion-net, 28",
        "fashion-net, 8",
        "airbench94, 32",
        "airbench94+half_width, 19",
    })
    void logitsAreTheBlocks(String model, int size) {
        try (Network network = trained(model);
                NDManager manager = network.manager().newSubManager()) {
            NDArray x = images(manager, 64, size);
            float[] before = x.toFloatArray();
            NDArray expected = network.forward(x, false);
            for (Precision precision : Precision.values()) {
                try (Inference inference = new Inference(network, precision, true)) {
                    assertClose(expected, inference.forward(x), precision);
                    // what was prepared serves again, and the images are as they were
                    assertClose(expected, inference.forward(x), precision);
                    assertArrayEquals(before, x.toFloatArray());
                }
            }
        }
    }

    @Test
    void batchesAndImagesMayDifferInSize() {
        try (Network network = trained("d2l-resnet18");
                NDManager manager = network.manager().newSubManager();
                Inference inference = new Inference(network, Precision.FLOAT32, true)) {
            for (int size : new int[] {28, 1, 64, 28}) {
                for (int examples : new int[] {5, 1}) {
                    NDArray x = images(manager, examples, size);
                    assertClose(network.forward(x, false), inference.forward(x), Precision.FLOAT32);
                }
            }
        }
    }

    @Test
    void leavesBypassedBranchesOut() {
        for (String model : List.of("resnet18", "preact-resnet18")) {
            try (Network network = trained(model);
                    NDManager manager = network.manager().newSubManager()) {
                NDArray x = images(manager, 5, 33);
                NDArray whole = network.forward(x, false);
                ResidualBlocks.bypass(model, network.block(), List.of("layer2.1", "layer3.0"));
                NDArray expected = network.forward(x, false);
                assertFalse(expected.allClose(whole));
                try (Inference inference = new Inference(network, Precision.FLOAT32, true)) {
                    assertClose(expected, inference.forward(x), Precision.FLOAT32);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void isASnapshotAndFreesItsMemory(Precision precision) {
        try (Network network = trained("cifar-resnet20")) {
            int arrays = network.manager().getManagedArrays().size();
            try (NDManager manager = network.manager().newSubManager();
                    Inference inference = new Inference(network, precision, true)) {
                NDArray x = images(manager, 2, 28);
                int before = manager.getManagedArrays().size();
                float[] logits = inference.forward(x).toFloatArray();
                assertEquals(before + 1, manager.getManagedArrays().size());
                // in place, as an optimizer does
                network.parameters().values().forEach(p -> p.getArray().addi(0.1));
                assertArrayEquals(logits, inference.forward(x).toFloatArray());
                NDArray now = network.forward(x, false);
                assertFalse(now.allClose(manager.create(logits, new Shape(2, 7))));
            }
            assertEquals(arrays, network.manager().getManagedArrays().size());
        }
    }
}
