package org.djlresnet.bridge;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonArray;
import com.google.gson.JsonParser;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.djlresnet.engine.Precision;
import org.djlresnet.evaluation.Evaluator;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Network;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Tests that the prepared network follows changes of the weights. */
class NetworkHandleTest {

    private static final int EXAMPLES = 3;

    private final ByteBuffer images =
            ByteBuffer.allocateDirect(EXAMPLES * 28 * 28 * Float.BYTES)
                    .order(ByteOrder.nativeOrder());
    private Network network;
    private NetworkHandle handle;

    @BeforeEach
    void create() {
        for (int i = 0; i < images.capacity() / Float.BYTES; i++) {
            images.putFloat(i * Float.BYTES, (float) Math.sin(i));
        }
        network = Network.create("d2l-resnet18", 1, Classes.numbered(10).names(), 7, Device.cpu());
        handle = new NetworkHandle(network);
    }

    @AfterEach
    void close() {
        handle.close();
    }

    private float[] ofHandle() {
        return ofHandle("float32");
    }

    private float[] ofHandle(String precision) {
        ByteBuffer bytes = handle.forward(images, new long[] {EXAMPLES, 1, 28, 28}, precision);
        float[] logits = new float[EXAMPLES * 10];
        bytes.order(ByteOrder.nativeOrder()).asFloatBuffer().get(logits);
        return logits;
    }

    private float[] ofNetwork() {
        Evaluator.disableGradients(network);
        try (NDManager manager = network.manager().newSubManager()) {
            float[] pixels = new float[EXAMPLES * 28 * 28];
            images.asFloatBuffer().get(pixels);
            NDArray x = manager.create(pixels, new Shape(EXAMPLES, 1, 28, 28));
            return network.forward(x, false).toFloatArray();
        }
    }

    private static void assertClose(float[] expected, float[] actual) {
        assertArrayEquals(expected, actual, 1e-4f);
    }

    @Test
    @Tag("engine")
    void autoIsFloat32WhereTheNetworkRunsAsBlocks() {
        boolean programs = Engine.getInstance().getEngineName().equals("PyTorch");
        String chosen = programs && Precision.isBfloat16Fast() ? "bfloat16" : "float32";
        assertArrayEquals(ofHandle(chosen), ofHandle("auto"));
        assertEquals(chosen, network.precision("auto").toString());
    }

    @Test
    void logitsFollowLoadedWeights() {
        float[] before = ofNetwork();
        assertClose(before, ofHandle());
        try (Network other =
                Network.create("d2l-resnet18", 1, Classes.numbered(10).names(), 8, Device.cpu())) {
            ByteBuffer[] values =
                    other.stateDict().values().stream()
                            .map(NDArray::toByteBuffer)
                            .toArray(ByteBuffer[]::new);
            JsonArray described =
                    JsonParser.parseString(WeightsJson.tensors(other))
                            .getAsJsonObject()
                            .getAsJsonArray("tensors");
            described.forEach(tensor -> tensor.getAsJsonObject().addProperty("dtype", "F32"));
            assertEquals("[]", handle.loadStateDict(described.toString(), values));
        }
        float[] after = ofNetwork();
        assertTrue(Math.abs(after[0] - before[0]) > 1e-2, after[0] + ", " + before[0]);
        assertClose(after, ofHandle());
    }

    @Test
    void logitsFollowChangesOfASharedNetwork() {
        float[] before = ofHandle();
        Network shared = handle.share();
        assertClose(before, ofHandle());
        shared.parameters().get("fc.weight").getArray().muli(3);
        float[] after = ofNetwork();
        assertTrue(Math.abs(after[0] - before[0]) > 1e-2, after[0] + ", " + before[0]);
        assertClose(after, ofHandle());
    }
}
