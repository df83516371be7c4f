package org.djlresnet.evaluation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import java.util.List;
import org.djlresnet.UnsettledNetwork;
import org.djlresnet.UserException;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Network;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class InputGradientsTest {

    @BeforeAll
    static void recordInCollectorsOnly() {
        EngineTraits.of(Engine.getInstance()).disableRecording();
    }

    private static Network unsettled() {
        Network network =
                Network.create("fashion-net", 1, Classes.numbered(4).names(), 5, Device.cpu());
        UnsettledNetwork.unsettle(network);
        return network;
    }

    @Test
    void gradientsAreCentralDifferences() {
        try (Network network = unsettled();
                NDManager manager = network.manager().newSubManager()) {
            NDArray images = manager.arange(2f * 64).mul(0.37f).sin().reshape(2, 1, 8, 8);
            float[] before = images.toFloatArray();
            List<float[]> state = values(network);
            NDArray gradients = InputGradients.of(network, images, 2);
            assertEquals(images.getShape(), gradients.getShape());
            assertArrayEquals(before, images.toFloatArray());
            for (int i = 0; i < state.size(); i++) {
                assertArrayEquals(state.get(i), values(network).get(i));
            }
            float norm = gradients.square().sum().sqrt().getFloat();
            assertTrue(norm > 1e-3, "a comparison of zeros");
            NDArray along = gradients.div(norm);
            NDArray across = manager.arange(2f * 64).mul(0.91f).cos().reshape(2, 1, 8, 8).div(8);
            for (NDArray direction : List.of(along, across)) {
                float step = 0.02f;
                NDArray up = logit(network, images.add(direction.mul(step)));
                NDArray down = logit(network, images.sub(direction.mul(step)));
                float[] expected = up.sub(down).div(2 * step).toFloatArray();
                NDArray product = gradients.mul(direction).reshape(2, 64);
                assertArrayEquals(
                        expected, product.sum(new int[] {1}).toFloatArray(), 2e-2f * norm);
            }
        }
    }

    private static NDArray logit(Network network, NDArray images) {
        return network.forward(images, false).get(":, 2");
    }

    private static List<float[]> values(Network network) {
        return network.stateDict().values().stream().map(NDArray::toFloatArray).toList();
    }

    @Test
    void parametersRequireGradientsAfterwards() {
        try (Network network = unsettled();
                NDManager manager = network.manager().newSubManager()) {
            List<Boolean> before = required(network);
            InputGradients.of(network, manager.ones(new Shape(1, 1, 8, 8)), 0);
            assertEquals(before, required(network));
        }
    }

    private static List<Boolean> required(Network network) {
        return network.parameters().values().stream()
                .map(Parameter::getArray)
                .map(NDArray::hasGradient)
                .toList();
    }

    @Test
    void unknownLogitIsRejected() {
        try (Network network = unsettled();
                NDManager manager = network.manager().newSubManager()) {
            NDArray images = manager.ones(new Shape(1, 1, 8, 8));
            UserException error =
                    assertThrows(UserException.class, () -> InputGradients.of(network, images, 4));
            assertEquals("fashion-net has no logit 4. Allowed: 0 to 3.", error.getMessage());
        }
    }
}
