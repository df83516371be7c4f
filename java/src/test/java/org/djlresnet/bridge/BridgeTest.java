package org.djlresnet.bridge;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.djlresnet.QuadrantImages;
import org.djlresnet.UserException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Tag("engine")
@Timeout(300)
class BridgeTest {

    private static JsonElement json(String text) {
        return JsonParser.parseString(text.replace('\'', '"'));
    }

    private static void assertJson(String expected, String actual) {
        assertEquals(json(expected).toString(), actual);
    }

    private static JsonObject object(String text) {
        return JsonParser.parseString(text).getAsJsonObject();
    }

    private static float[] floats(ByteBuffer bytes) {
        float[] values = new float[bytes.remaining() / 4];
        bytes.asFloatBuffer().get(values);
        return values;
    }

    private static String rejection(Runnable call) {
        return assertThrows(UserException.class, call::run).getMessage();
    }

    @Test
    void describesTheEngine() {
        JsonObject json = object(Bridge.describe());
        assertEquals(
                List.of(
                        "version",
                        "djl",
                        "java",
                        "java_home",
                        "engine",
                        "engine_version",
                        "devices",
                        "threads",
                        "bfloat16",
                        "max_heap_bytes"),
                List.copyOf(json.keySet()));
        assertEquals("0.36.0", json.get("djl").getAsString());
        assertEquals(Engine.getInstance().getEngineName(), json.get("engine").getAsString());
        assertEquals("cpu", json.getAsJsonArray("devices").get(0).getAsString());
        assertTrue(json.get("threads").getAsInt() >= 1);
        assertTrue(json.get("max_heap_bytes").getAsLong() > 1 << 20);
        assertTrue(json.get("version").getAsString().matches("\\d+\\.\\d+\\.\\d+.*"));
    }

    @Test
    void listsModels() {
        // multiply-adds by hand: stem 614,656; stages 7,225,344 and three times 8,388,608, each
        // at half the size and twice the channels; linear layer 5,120. Batch normalizations have
        // 3,904 channels, each with two running statistics.
        assertJson(
                "{'name': 'd2l-resnet18', 'description': 'ResNet-18 of Dive into Deep Learning,"
                        + " Java edition, 7.6', 'parameters': 11186186, 'trainable_parameters':"
                        + " 11178378, 'multiply_adds': 33010944, 'input': [1, 1, 28, 28],"
                        + " 'options': []}",
                JsonParser.parseString(Bridge.models()).getAsJsonArray().get(0).toString());
    }

    @Test
    void listsDatasets() {
        JsonArray all = JsonParser.parseString(Bridge.datasets()).getAsJsonArray();
        assertEquals(
                json(
                        "{'name': 'fashion-mnist', 'description': 'Fashion-MNIST: grey images of"
                                + " clothes, Zalando SE, 2017', 'shape': [1, 28, 28], 'classes':"
                                + " ['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal',"
                                + " 'Shirt', 'Sneaker', 'Bag', 'Ankle boot'], 'train': 60000, 'test':"
                                + " 10000}"),
                all.get(0));
        assertEquals("cifar-10", all.get(6).getAsJsonObject().get("name").getAsString());
        assertEquals("idx", all.get(9).getAsJsonObject().get("name").getAsString());
    }

    @Test
    void summarizes() {
        JsonObject json = object(Bridge.summary("d2l-resnet18", 0, new long[] {1, 1, 224, 224}, 1));
        assertEquals(List.of("model", "input", "layers", "total"), List.copyOf(json.keySet()));
        assertEquals("d2l-resnet18", json.get("model").getAsString());
        assertEquals("[1,1,224,224]", json.get("input").toString());
        JsonArray layers = json.getAsJsonArray("layers");
        assertEquals(10, layers.size());
        JsonObject stem = layers.get(0).getAsJsonObject();
        assertEquals(64 * 49 + 64, stem.get("parameters").getAsInt());
        assertEquals(64 * 49 * 112 * 112, stem.get("multiply_adds").getAsInt());
        JsonObject total = json.getAsJsonObject("total");
        assertEquals(11_186_186, total.get("parameters").getAsInt());
        assertEquals(11_178_378, total.get("trainable_parameters").getAsInt());
        // each class has 512 weights and a bias
        JsonObject seven = object(Bridge.summary("d2l-resnet18", 7, new long[] {1, 1, 28, 28}, 1));
        assertEquals(
                11_178_378 - 3 * 513,
                seven.getAsJsonObject("total").get("trainable_parameters").getAsInt());
    }

    @Test
    void summarizesAutoencodersOfOtherImages() {
        // as published, and the scale of the likelihood
        JsonObject published = object(Bridge.summary("vae-resnet:0", 0, new long[0], 1));
        JsonObject total = published.getAsJsonObject("total");
        assertEquals(26_815_684, total.get("parameters").getAsLong());
        JsonObject json = object(Bridge.summary("vae-small", 0, new long[] {2, 3, 32, 32}, 1));
        JsonObject decoder = json.getAsJsonArray("layers").get(1).getAsJsonObject();
        assertEquals("[2,3,32,32]", decoder.get("output_shape").toString());
        assertEquals(
                "vae-small is an autoencoder, which has no classes. Omit them, or use a"
                        + " classifier.",
                rejection(() -> Bridge.summary("vae-small", 3, new long[0], 1)));
        assertEquals(
                "vae-small needs images whose height and width are multiples of 4. Received: 30×30."
                        + " Resize them (\"image_size\"), or use another network.",
                rejection(() -> Bridge.summary("vae-small", 0, new long[] {1, 1, 30, 30}, 1)));
    }

    @Test
    void programOfAnAutoencoderHasItsObjective() {
        String program = Bridge.program("vae-small", 0, new long[] {1, 1, 8, 8}, "float32");
        assertTrue(program.contains("def negative_log("), program);
        assertTrue(
                program.contains("x: Tensor, y: Tensor, noise: Tensor, weight: Tensor"), program);
        assertFalse(program.contains("cross_entropy"), program);
    }

    @Test
    void programRejectsImagesThatAreTooSmall() {
        assertTrue(
                rejection(() -> Bridge.program("airbench94", 0, new long[] {1, 3, 4, 4}, "float32"))
                        .startsWith("The images are too small for airbench94. Received: 4×4."));
    }

    @Test
    void summaryRejectsInvalidArguments() {
        assertTrue(
                rejection(() -> Bridge.summary("d2l-resnet", 0, new long[] {1, 1, 28, 28}, 1))
                        .startsWith("Unknown model. Received: 'd2l-resnet'. Did you mean"));
        assertEquals(
                "The input's shape is invalid. Received: [1, 28, 28]. Allowed: (N, C, H, W) with numbers from 1 to 1000000.",
                rejection(() -> Bridge.summary("d2l-resnet18", 0, new long[] {1, 28, 28}, 1)));
        rejection(() -> Bridge.summary("d2l-resnet18", 0, new long[] {1, 1, 0, 28}, 1));
    }

    @Test
    void forwardMatchesTheNetwork() {
        ByteBuffer images = QuadrantImages.floats(QuadrantImages.of(3, 1));
        try (NetworkHandle handle = Bridge.create("d2l-resnet18", 1, new String[0], 5, "cpu")) {
            assertJson(
                    "{'model': 'd2l-resnet18', 'in_channels': 1, 'classes': 10, 'class_names':"
                            + " ['0','1','2','3','4','5','6','7','8','9'], 'image_size': 28,"
                            + " 'preprocessing': {'channels': 1, 'resize': {'to': 'exact',"
                            + " 'height': 28, 'width': 28, 'interpolation': 'bilinear',"
                            + " 'rounded': false}, 'crop': null, 'mean': null, 'deviation': null}}",
                    handle.info());
            ByteBuffer logits = handle.forward(images, new long[] {3, 1, 8, 8}, "float32");
            assertTrue(logits.isDirect());
            assertEquals(ByteOrder.nativeOrder(), logits.order());
            assertEquals(3 * 10 * 4, logits.remaining());
            float[] direct;
            try (NDManager manager = handle.network().manager().newSubManager()) {
                NDArray array = manager.create(images, new Shape(3, 1, 8, 8), DataType.FLOAT32);
                direct = handle.network().forward(array, false).toFloatArray();
            }
            assertArrayEquals(direct, floats(logits), 1e-5f);

            // the result is a copy, which later calls do not change
            float[] before = floats(logits);
            handle.forward(
                    QuadrantImages.floats(QuadrantImages.of(3, 2)),
                    new long[] {3, 1, 8, 8},
                    "float32");
            assertArrayEquals(before, floats(logits));

            // a part of a larger buffer
            ByteBuffer last = images.duplicate().order(ByteOrder.nativeOrder()).position(2 * 256);
            float[] one = floats(handle.forward(last, new long[] {1, 1, 8, 8}, "float32"));
            for (int i = 0; i < 10; i++) {
                assertEquals(direct[20 + i], one[i], 1e-4 * Math.abs(direct[20 + i]) + 1e-5);
            }
        }
    }

    @Test
    void forwardRejectsOtherShapes() {
        ByteBuffer image = ByteBuffer.allocateDirect(256).order(ByteOrder.nativeOrder());
        try (NetworkHandle handle = Bridge.create("d2l-resnet18", 1, new String[0], 5, "cpu")) {
            long[][] shapes = {
                {64}, {1, 8, 8}, {1, 3, 8, 8}, {0, 1, 8, 8}, {-1, 1, -8, 8}, {1, 1, 8, 8, 1}
            };
            for (long[] shape : shapes) {
                String message = rejection(() -> handle.forward(image, shape, "float32"));
                assertTrue(message.contains("(N, 1, H, W)"), message);
            }
        }
    }

    @Test
    void createRejectsInvalidArguments() {
        String[] names = {"a"};
        rejection(() -> Bridge.create("resnet", 1, names, 0, "cpu"));
        assertEquals(
                "Unknown device. Received: 'tpu'. Allowed: auto, cpu, gpu, gpu:N.",
                rejection(() -> Bridge.create("d2l-resnet18", 1, names, 0, "tpu")));
        rejection(() -> Bridge.create("d2l-resnet18", 1, names, 0, "gpu:999"));
    }
}
