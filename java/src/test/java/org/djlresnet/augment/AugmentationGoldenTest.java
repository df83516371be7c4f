package org.djlresnet.augment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashSet;
import java.util.Set;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.RawImage;
import org.junit.jupiter.api.Test;

/** Compares operations with tests/golden/augmentations.py, written from their definitions. */
class AugmentationGoldenTest {

    private static final JsonObject GOLDEN = golden();

    private static JsonObject golden() {
        try (Reader reader =
                new InputStreamReader(
                        AugmentationGoldenTest.class.getResourceAsStream(
                                "/golden/augmentations.json"),
                        StandardCharsets.UTF_8)) {
            return JsonParser.parseReader(reader).getAsJsonObject();
        } catch (IOException impossible) {
            throw new AssertionError(impossible);
        }
    }

    private static byte[] pixels(JsonObject of) {
        return Base64.getDecoder().decode(of.get("pixels").getAsString());
    }

    private static Canvas canvas(JsonObject change) {
        JsonObject image =
                GOLDEN.getAsJsonObject("images").getAsJsonObject(change.get("image").getAsString());
        int[] lengths = new int[3];
        for (int i = 0; i < lengths.length; i++) {
            lengths[i] = image.getAsJsonArray("shape").get(i).getAsInt();
        }
        ImageShape shape = new ImageShape(lengths[0], lengths[1], lengths[2]);
        RawImage raw = new RawImage();
        byte[] pixels = pixels(image);
        System.arraycopy(pixels, 0, raw.holdBytes(shape), 0, pixels.length);
        Canvas canvas = new Canvas(Preprocessing.exact(shape), shape);
        canvas.begin(raw);
        return canvas;
    }

    /** Float32 and float64 may round a value near the middle of two levels differently. */
    private static void assertClose(JsonObject change, Canvas canvas) {
        byte[] expected = pixels(change);
        int different = 0;
        for (int i = 0; i < expected.length; i++) {
            int difference = (expected[i] & 0xff) - (canvas.pixels()[i] & 0xff);
            assertTrue(Math.abs(difference) <= 1, change + " at " + i + ": " + difference);
            different += Math.abs(difference);
        }
        assertTrue(different <= expected.length / 100, different + " pixels differ: " + change);
    }

    @Test
    void operationsOfTrivialAugmentEqualTheirDefinitions() {
        Set<String> kinds = new HashSet<>();
        for (JsonElement element : GOLDEN.getAsJsonArray("operations")) {
            JsonObject change = element.getAsJsonObject();
            Canvas canvas = canvas(change);
            Trivial.Kind kind = Trivial.Kind.valueOf(change.get("kind").getAsString());
            int bin = change.get("bin").getAsInt();
            Trivial.change(canvas, kind, bin, change.get("negative").getAsBoolean());
            assertClose(change, canvas);
            kinds.add(kind.name());
        }
        assertEquals(Trivial.Kind.values().length, kinds.size());
    }

    @Test
    void resizedCropsEqualTorchvisions() {
        for (JsonElement element : GOLDEN.getAsJsonArray("crops")) {
            JsonObject change = element.getAsJsonObject();
            Canvas canvas = canvas(change);
            int[] box = new int[4];
            for (int i = 0; i < box.length; i++) {
                box[i] = change.getAsJsonArray("box").get(i).getAsInt();
            }
            canvas.cropAndResize(box[0], box[1], box[2], box[3]);
            assertClose(change, canvas);
        }
    }
}
