package org.djlresnet.bridge;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.djlresnet.UserException;
import org.djlresnet.checkpoint.SafetensorsFile;
import org.djlresnet.checkpoint.Tensor;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.Preprocessor;
import org.djlresnet.image.RawImage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Compares predictions with the logits of prepared images. */
@Tag("engine")
class PredictionTest {

    private static final String[] NAMES = {"a", "b", "c", "d"};
    private static final int CLASSES = NAMES.length;

    /** A small size, for speed, to which images of other sizes are resized. */
    private static final String SMALL =
            "{'channels': 3, 'resize': {'to': 'short-side', 'size': 12, 'interpolation':"
                    + " 'bilinear', 'rounded': true}, 'crop': {'height': 10, 'width': 10}, 'mean':"
                    + " [0.5, 0.4, 0.3], 'deviation': [0.2, 0.3, 0.4]}";

    @TempDir Path dir;

    private final NetworkHandle network = Bridge.create("cifar-resnet20", 3, NAMES, 3, "cpu");

    @AfterEach
    void close() {
        network.close();
    }

    private static ByteBuffer bytes(ImageShape shape) {
        ByteBuffer pixels = ByteBuffer.allocateDirect((int) shape.values());
        for (int i = 0; i < pixels.capacity(); i++) {
            pixels.put(i, (byte) (i * 7 + i / 5 * 31));
        }
        return pixels;
    }

    private static ByteBuffer floats(ImageShape shape) {
        ByteBuffer bytes = bytes(shape);
        ByteBuffer floats =
                ByteBuffer.allocateDirect(4 * bytes.capacity()).order(ByteOrder.nativeOrder());
        while (bytes.hasRemaining()) {
            floats.putFloat((bytes.get() & 0xff) / 255f);
        }
        return floats.flip();
    }

    private static long[] lengths(ImageShape shape) {
        return new long[] {shape.channels(), shape.height(), shape.width()};
    }

    private static float[] values(ByteBuffer buffer) {
        float[] values = new float[buffer.remaining() / 4];
        buffer.order(ByteOrder.nativeOrder()).asFloatBuffer().get(values);
        return values;
    }

    /** Prepares one image and computes its logits. */
    private float[] expected(ImageShape shape, Preprocessing preprocessing) {
        RawImage raw = new RawImage();
        bytes(shape).get(raw.holdBytes(shape), 0, (int) shape.values());
        Preprocessor preprocessor = new Preprocessor(preprocessing);
        ImageShape out = preprocessor.output(shape);
        float[] prepared = new float[(int) out.values()];
        preprocessor.apply(raw, prepared, 0);
        ByteBuffer input =
                ByteBuffer.allocateDirect(4 * prepared.length).order(ByteOrder.nativeOrder());
        input.asFloatBuffer().put(prepared);
        return values(network.forward(input, out.batch(1), "float32"));
    }

    private static String rejection(Runnable call) {
        return assertThrows(UserException.class, call::run).getMessage();
    }

    @Test
    void predictsImagesOfManySizes() {
        List<ImageShape> shapes = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            shapes.add(new ImageShape(i % 3 == 0 ? 1 : 3, 3 + i % 7, 20 - i % 5));
        }
        String text = SMALL.replace('\'', '"');
        // with a crop all prepared images have the same shape, without one they do not
        for (String chosen : List.of(text, text.replaceAll("\\{\"height\": 10, .*?}", "null"))) {
            float[] logits =
                    values(
                            network.predict(
                                    shapes.stream()
                                            .map(PredictionTest::bytes)
                                            .toArray(ByteBuffer[]::new),
                                    shapes.stream()
                                            .map(PredictionTest::lengths)
                                            .toArray(long[][]::new),
                                    "uint8",
                                    chosen,
                                    null,
                                    "float32"));
            assertEquals(shapes.size() * CLASSES, logits.length);
            for (int i = 0; i < shapes.size(); i++) {
                float[] own = expected(shapes.get(i), Preprocessing.of(chosen, 3));
                for (int c = 0; c < CLASSES; c++) {
                    assertEquals(own[c], logits[i * CLASSES + c], 1e-4f, "image " + i);
                }
            }
        }
    }

    @Test
    void usesTheNetworksPreprocessingByDefaultAndDoesNotScaleFloats() {
        ImageShape shape = new ImageShape(3, 9, 14);
        ByteBuffer[] image = {bytes(shape)};
        ByteBuffer[] scaled = {floats(shape)};
        long[][] lengths = {lengths(shape)};
        float[] own = values(network.predict(image, lengths, "uint8", null, null, "float32"));
        assertArrayEquals(expected(shape, Preprocessing.of("plain:32", 3)), own, 1e-4f);
        assertArrayEquals(
                own,
                values(network.predict(scaled, lengths, "float32", null, null, "float32")),
                1e-5f);
    }

    @Test
    void rejectsImagesThatDoNotFit() {
        ByteBuffer[] image = {bytes(new ImageShape(3, 2, 2))};
        ByteBuffer[] two = {bytes(new ImageShape(2, 2, 2))};
        assertEquals(
                "Images with 2 channels cannot be converted to images with 3 channels. Allowed: the same"
                        + " number, 3 to 1, or 1 to 3.",
                rejection(
                        () ->
                                network.predict(
                                        two,
                                        new long[][] {{2, 2, 2}},
                                        "uint8",
                                        null,
                                        null,
                                        "float32")));
        assertTrue(
                rejection(
                                () ->
                                        network.predict(
                                                image,
                                                new long[][] {{3, 2, 2}},
                                                "uint8",
                                                "plain:99999",
                                                null,
                                                "float32"))
                        .startsWith("Images of 3×99999×99999 are too large for the network"));
    }

    @Test
    void requiresAnUnknownPreprocessing() throws IOException {
        String file = dir.resolve("weights.safetensors").toString();
        List<Tensor> tensors = new ArrayList<>();
        // as another program writes them: our own export records the preprocessing
        try (NDManager scope = network.network().manager().newSubManager()) {
            network.network()
                    .stateDict()
                    .forEach((name, array) -> tensors.add(Tensor.of(name, array, scope)));
            SafetensorsFile.write(Path.of(file), Map.of("format", "pt"), tensors);
        }
        String options =
                "{'model': 'cifar-resnet20', 'in_channels': null, 'classes': null, 'class_names':"
                        + " null, 'new_head': false, 'seed': 0, 'device': 'cpu'";
        ByteBuffer[] image = {bytes(new ImageShape(3, 2, 2))};
        long[][] shape = {{3, 2, 2}};
        try (NetworkHandle imported = imported(file, options + "}")) {
            JsonObject info = JsonParser.parseString(imported.info()).getAsJsonObject();
            assertTrue(info.get("preprocessing").isJsonNull());
            assertTrue(info.getAsJsonObject("import").get("preprocessing_source").isJsonNull());
            assertEquals(
                    "The network does not record how its images are prepared. Set the"
                            + " preprocessing. Allowed: torchvision, plain:N such as plain:32, or a"
                            + " JSON object.",
                    rejection(
                            () -> imported.predict(image, shape, "uint8", null, null, "float32")));
            imported.predict(image, shape, "uint8", "plain:8", null, "float32");
        }
        try (NetworkHandle imported = imported(file, options + ", 'preprocessing': 'plain:8'}")) {
            JsonObject info = JsonParser.parseString(imported.info()).getAsJsonObject();
            assertEquals(8, info.get("image_size").getAsInt());
            assertEquals(
                    "given",
                    info.getAsJsonObject("import").get("preprocessing_source").getAsString());
        }
    }

    private static NetworkHandle imported(String file, String options) {
        return Bridge.importWeights(file, options.replace('\'', '"'));
    }

    @Test
    void zeroStandsForDefaultSizes() {
        try (NetworkHandle usual = Bridge.create("d2l-resnet18", 0, new String[0], 0, "cpu");
                NetworkHandle named =
                        Bridge.create("cifar-resnet20", 0, new String[] {"a"}, 0, "cpu")) {
            JsonObject info = JsonParser.parseString(usual.info()).getAsJsonObject();
            assertEquals(1, info.get("in_channels").getAsInt());
            assertEquals(10, info.get("classes").getAsInt());
            info = JsonParser.parseString(named.info()).getAsJsonObject();
            assertEquals(3, info.get("in_channels").getAsInt());
            assertEquals(1, info.get("classes").getAsInt());
        }
    }

    @Test
    void expandsAPreset() {
        assertEquals(Preprocessing.torchvision(), Preprocessing.of("torchvision"));
        assertEquals(Preprocessing.of("plain:7", 3), Preprocessing.of("plain:7"));
        rejection(() -> Preprocessing.of("plain"));
    }
}
