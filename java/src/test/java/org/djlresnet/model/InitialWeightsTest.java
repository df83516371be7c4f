package org.djlresnet.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import java.util.Arrays;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Tests how the weights of the fast networks begin. */
@Tag("engine")
class InitialWeightsTest {

    private static float[] weight(String model, long seed, String name) {
        try (Network network =
                        Network.create(model, 3, Classes.numbered(10).names(), seed, Device.cpu());
                NDArray weight = network.stateDict().get(name).duplicate()) {
            return weight.toFloatArray();
        }
    }

    @Test
    void convolutionsOfAirbenchBeginAsTheIdentity() {
        float[] weight = weight("airbench94", 1, "layers.1.conv1.weight");
        int inputs = 24;
        int row = 9 * inputs;
        assertEquals(64 * row, weight.length);
        for (int out = 0; out < inputs; out++) {
            for (int i = 0; i < row; i++) {
                // the middle of 3×3 taps
                assertEquals(i == 9 * out + 4 ? 1 : 0, weight[out * row + i]);
            }
        }
        assertUniform(Arrays.copyOfRange(weight, inputs * row, weight.length), row);
        // as many inputs as outputs
        float sum = 0;
        for (float value : weight("airbench94", 1, "layers.1.conv2.weight")) {
            sum += value;
        }
        assertEquals(64, sum);
    }

    @Test
    void weightsOfFashionNetAreUniformAndDependOnSeedAndName() {
        float[] weight = weight("fashion-net", 1, "layer1.0.conv1.weight");
        assertUniform(weight, 16 * 9);
        assertArrayEquals(weight, weight("fashion-net", 1, "layer1.0.conv1.weight"));
        assertFalse(Arrays.equals(weight, weight("fashion-net", 2, "layer1.0.conv1.weight")));
        float[] second = weight("fashion-net", 1, "layer2.1.conv1.weight");
        float[] third = weight("fashion-net", 1, "layer2.0.conv1.weight");
        assertFalse(second[0] / second[1] == third[0] / third[1]);
        assertUniform(weight("fashion-net", 1, "fc.weight"), 256);
    }

    /** Between ±1 / √fan-in, with that variance: a third of the square of the bound. */
    private static void assertUniform(float[] values, int fanIn) {
        double bound = 1 / Math.sqrt(fanIn);
        double sum = 0;
        double squares = 0;
        for (float value : values) {
            assertTrue(Math.abs(value) <= bound);
            sum += value;
            squares += (double) value * value;
        }
        assertEquals(0, sum / values.length / bound, 0.05);
        assertEquals(1.0 / 3, squares / values.length / (bound * bound), 0.03);
    }
}
