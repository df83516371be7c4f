package org.djlresnet.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import java.util.zip.CRC32;
import org.djlresnet.UserException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class PreprocessorTest {

    /** The image of tests/golden/torchvision_preprocessing.py. */
    static byte level(int c, int y, int x) {
        int board = ((x / 3 ^ y / 5) & 1) * 128;
        return (byte) (3 * x * x + 7 * y * y + 5 * x * y + 91 * c + board);
    }

    private static RawImage bytes(ImageShape shape) {
        RawImage image = new RawImage();
        byte[] pixels = image.holdBytes(shape);
        int i = 0;
        for (int c = 0; c < shape.channels(); c++) {
            for (int y = 0; y < shape.height(); y++) {
                for (int x = 0; x < shape.width(); x++) {
                    pixels[i++] = level(c, y, x);
                }
            }
        }
        return image;
    }

    /** The same image as float32 in [0, 1]. */
    private static RawImage floats(ImageShape shape) {
        byte[] pixels = bytes(shape).bytes();
        RawImage image = new RawImage();
        float[] values = image.holdFloats(shape);
        for (int i = 0; i < shape.values(); i++) {
            values[i] = (pixels[i] & 0xff) / 255f;
        }
        return image;
    }

    private static float[] prepared(Preprocessing preprocessing, RawImage image) {
        Preprocessor preprocessor = new Preprocessor(preprocessing);
        // surrounded by other values, which must not change
        int length = (int) preprocessor.output(image.shape()).values();
        float[] out = new float[length + 2];
        out[0] = -7;
        out[length + 1] = -8;
        preprocessor.apply(image, out, 1);
        assertEquals(-7, out[0]);
        assertEquals(-8, out[length + 1]);
        float[] result = new float[length];
        System.arraycopy(out, 1, result, 0, length);
        return result;
    }

    private static ImageShape shape(JsonElement lengths) {
        JsonArray chw = lengths.getAsJsonArray();
        return new ImageShape(chw.get(0).getAsInt(), chw.get(1).getAsInt(), chw.get(2).getAsInt());
    }

    static Stream<JsonObject> goldens() throws IOException {
        try (InputStreamReader file =
                new InputStreamReader(
                        PreprocessorTest.class.getResourceAsStream("/golden/preprocessing.json"),
                        StandardCharsets.UTF_8)) {
            JsonArray cases =
                    JsonParser.parseReader(file).getAsJsonObject().getAsJsonArray("cases");
            return StreamSupport.stream(cases.spliterator(), false)
                    .map(JsonElement::getAsJsonObject);
        }
    }

    @ParameterizedTest
    @MethodSource("goldens")
    void equalsPillowAndTorchvision(JsonObject golden) {
        Preprocessing preprocessing = Preprocessing.of(golden.get("preprocessing").toString());
        ImageShape in = shape(golden.get("image"));
        assertEquals(shape(golden.get("shape")), preprocessing.output(in));
        float[] values = prepared(preprocessing, bytes(in));
        if (golden.has("values")) {
            JsonArray expected = golden.getAsJsonArray("values");
            assertEquals(expected.size(), values.length);
            for (int i = 0; i < values.length; i++) {
                assertEquals(expected.get(i).getAsFloat(), values[i], 1e-5f, "value " + i);
            }
            assertArrayEquals(values, prepared(preprocessing, floats(in)));
            return;
        }
        ByteBuffer floats =
                ByteBuffer.allocate(Float.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
        floats.asFloatBuffer().put(values);
        CRC32 checksum = new CRC32();
        checksum.update(floats);
        assertEquals(golden.get("crc32").getAsLong(), checksum.getValue());
    }

    @Test
    void reusesMemoryForImagesOfAnyShape() {
        Preprocessing preprocessing = Preprocessing.torchvision();
        Preprocessor preprocessor = new Preprocessor(preprocessing);
        float[] out = new float[3 * 224 * 224];
        for (ImageShape shape :
                List.of(
                        new ImageShape(3, 300, 260),
                        new ImageShape(1, 10, 700),
                        new ImageShape(3, 4, 4),
                        new ImageShape(3, 300, 260))) {
            preprocessor.apply(bytes(shape), out, 0);
            assertArrayEquals(prepared(preprocessing, bytes(shape)), out);
        }
    }

    @Test
    void imagesOfTheRightSizeAreOnlyScaled() {
        ImageShape shape = new ImageShape(3, 5, 7);
        float[] expected = floats(shape).floats();
        for (boolean rounded : new boolean[] {true, false}) {
            for (Interpolation interpolation : Interpolation.values()) {
                Resize resize = Resize.exact(5, 7, interpolation, rounded);
                Preprocessing own = new Preprocessing(3, resize, null, null, null);
                assertArrayEquals(expected, prepared(own, bytes(shape)));
                assertArrayEquals(expected, prepared(own, floats(shape)));
            }
        }
    }

    /** A crop has the same pixels whether the rest is computed or not. */
    @Test
    void cropKeepsTheCentreOfTheResizedImage() {
        for (boolean rounded : new boolean[] {true, false}) {
            Resize resize = Resize.exact(31, 40, Interpolation.BICUBIC, rounded);
            ImageShape shape = new ImageShape(1, 17, 90);
            float[] whole = prepared(new Preprocessing(1, resize, null, null, null), bytes(shape));
            Preprocessing.Crop crop = new Preprocessing.Crop(12, 9);
            float[] middle = prepared(new Preprocessing(1, resize, crop, null, null), bytes(shape));
            // (31 - 12) / 2 = 9.5, which becomes 10, and (40 - 9) / 2 = 15.5, which becomes 16
            for (int i = 0; i < middle.length; i++) {
                assertEquals(whole[(10 + i / 9) * 40 + 16 + i % 9], middle[i]);
            }
        }
    }

    @Test
    void floatImagesAreNotScaledButNormalizedAndPadded() {
        RawImage image = new RawImage();
        System.arraycopy(
                new float[] {-3, 500, 8}, 0, image.holdFloats(new ImageShape(3, 1, 1)), 0, 3);
        Preprocessing preprocessing =
                new Preprocessing(
                        3,
                        null,
                        new Preprocessing.Crop(1, 2),
                        List.of(1.0, 0.0, 4.0),
                        List.of(2.0, 0.5, 1.0));
        assertArrayEquals(new float[] {-2, -0.5f, 1000, 0, 4, -4}, prepared(preprocessing, image));
    }

    @Test
    void floatColoursBecomeGreyLikeBytes() {
        RawImage image = new RawImage();
        System.arraycopy(
                new float[] {1, 0.5f, 0.25f}, 0, image.holdFloats(new ImageShape(3, 1, 1)), 0, 3);
        Preprocessing grey = new Preprocessing(1, null, null, null, null);
        assertEquals(0.299f + 0.587f / 2 + 0.114f / 4, prepared(grey, image)[0], 1e-5);
    }

    @Test
    void rejectsOtherNumbersOfChannels() {
        Preprocessing colour = Preprocessing.torchvision();
        for (int channels : new int[] {2, 4}) {
            UserException error =
                    assertThrows(
                            UserException.class,
                            () -> prepared(colour, bytes(new ImageShape(channels, 3, 3))));
            assertEquals(
                    "Images with "
                            + channels
                            + " channels cannot be converted to images with 3 channels. Allowed: the same"
                            + " number, 3 to 1, or 1 to 3.",
                    error.getMessage());
        }
        ImageShape five = new ImageShape(5, 2, 2);
        assertArrayEquals(floats(five).floats(), prepared(Preprocessing.exact(five), bytes(five)));
    }

    /** The resized line would need far more memory than its crop. */
    @Test
    void elongatedImagesNeedOnlyTheirCropInMemory() {
        ImageShape line = new ImageShape(1, 1, 3_000_000);
        assertEquals(new ImageShape(3, 224, 224), Preprocessing.torchvision().output(line));
        assertEquals(3 * 224 * 224, prepared(Preprocessing.torchvision(), bytes(line)).length);
        Preprocessing huge =
                new Preprocessing(
                        1, Resize.shortSide(4096, Interpolation.BILINEAR, true), null, null, null);
        assertEquals(
                "An image of 1×1×3000000 is too elongated to resize its short side to 4096.",
                assertThrows(UserException.class, () -> huge.output(line)).getMessage());
    }
}
