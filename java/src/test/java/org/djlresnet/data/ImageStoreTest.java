package org.djlresnet.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.Preprocessor;
import org.djlresnet.image.RawImage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageStoreTest {

    private static final int[][] SHAPES = {
        {3, 40, 60}, {1, 61, 47}, {3, 9, 90}, {3, 300, 31}, {1, 12, 12}, {3, 16, 21}
    };

    @TempDir Path dir;

    private final List<byte[]> images = new ArrayList<>();

    private Path write(Preprocessing preprocessing, int without) {
        Random random = new Random(5);
        Path file = dir.resolve("images");
        try (ImageStoreWriter writer = new ImageStoreWriter(file, SHAPES.length, preprocessing)) {
            for (int i = SHAPES.length - 1; i >= 0; i--) {
                byte[] pixels = new byte[SHAPES[i][0] * SHAPES[i][1] * SHAPES[i][2]];
                random.nextBytes(pixels);
                images.add(0, pixels);
                if (i != without) {
                    writer.put(i, pixels, SHAPES[i][0], SHAPES[i][1], SHAPES[i][2]);
                }
            }
            writer.finish();
        }
        return file;
    }

    private static StoredImages open(Path file, Preprocessing preprocessing, int... records) {
        int[] labels = new int[records.length];
        List<String> paths = Arrays.stream(records).mapToObj(i -> "a/" + i + ".png").toList();
        return StoredImages.open(
                file, records, labels, paths, List.of("a"), "00000000", preprocessing);
    }

    private static float[] prepared(Preprocessing preprocessing, RawImage raw) {
        Preprocessor preprocessor = new Preprocessor(preprocessing);
        float[] out = new float[(int) preprocessor.output(raw.shape()).values()];
        preprocessor.apply(raw, out, 0);
        return out;
    }

    @Test
    void storedImagesReachNetworkAsOriginalsDo() {
        String grey = "{\"channels\": 1, \"resize\": {\"to\": \"short-side\", \"size\": 23}, ";
        String colour = "{\"channels\": 3, \"resize\": {\"to\": \"exact\", \"height\": 20, ";
        for (Preprocessing preprocessing :
                List.of(
                        Preprocessing.centred(3, 14),
                        Preprocessing.centred(1, 15),
                        Preprocessing.of(grey + "\"crop\": {\"height\": 18, \"width\": 30}}", 1),
                        Preprocessing.of(colour + "\"width\": 33, \"rounded\": false}}", 3),
                        Preprocessing.of(
                                colour
                                        + "\"width\": 33}, \"mean\": [0.4, 0.5, 0.6], \"deviation\":"
                                        + " [0.2, 0.3, 0.4]}",
                                3))) {
            images.clear();
            Path file = write(preprocessing, -1);
            StoredImages stored = open(file, preprocessing, 0, 1, 2, 3, 4, 5);
            for (int i = 0; i < SHAPES.length; i++) {
                RawImage original = new RawImage();
                ImageShape shape = new ImageShape(SHAPES[i][0], SHAPES[i][1], SHAPES[i][2]);
                byte[] pixels = images.get(i);
                System.arraycopy(pixels, 0, original.holdBytes(shape), 0, pixels.length);
                RawImage again = new RawImage();
                stored.read(i, again);
                assertArrayEquals(
                        prepared(preprocessing, original), prepared(preprocessing, again));
            }
        }
    }

    @Test
    void keepsWhatIsNotResizedInBytes() {
        Preprocessing inFloats = Preprocessing.exact(new ImageShape(3, 8, 8));
        assertNull(inFloats.storable());
        StoredImages stored = open(write(inFloats, -1), inFloats, 2, 0);
        RawImage raw = new RawImage();
        stored.read(0, raw);
        assertEquals(new ImageShape(3, 9, 90), raw.shape());
        assertNull(stored.shape());
        assertEquals(new ImageShape(3, 40, 60), open(dir.resolve("images"), inFloats, 0).shape());
    }

    @Test
    void countsBytesAfterResizing() {
        int[] shapes = {3, 40, 60, 1, 30, 10};
        // short side 16: 16×24 and 48×16
        assertEquals(
                3 * 16 * 24 + 3 * 48 * 16,
                ImageStoreWriter.bytes(Preprocessing.centred(3, 14), shapes));
        Preprocessing inFloats = Preprocessing.exact(new ImageShape(3, 8, 8));
        assertEquals(3 * 40 * 60 + 300, ImageStoreWriter.bytes(inFloats, shapes));
    }

    @Test
    void imagesDoNotCrossSegments() {
        long segment = ImageStoreWriter.SEGMENT;
        assertEquals(segment - 10, ImageStoreWriter.place(segment - 10, 10));
        assertEquals(segment, ImageStoreWriter.place(segment - 10, 11));
        assertEquals(segment, ImageStoreWriter.place(segment, 11));
        assertEquals(3 * segment, ImageStoreWriter.place(3 * segment - 1, 2));
    }

    @Test
    void rejectsDamagedFile() throws IOException {
        Preprocessing preprocessing = Preprocessing.centred(3, 14);
        Path file = write(preprocessing, 1);
        byte[] content = Files.readAllBytes(file);
        for (int length : new int[] {0, 10, content.length - 1}) {
            Files.write(file, Arrays.copyOf(content, length));
            String message =
                    assertThrows(UserException.class, () -> open(file, preprocessing, 0))
                            .getMessage();
            assertTrue(message.contains("is damaged. Remove it"), message);
        }
    }

    @Test
    void rejectsRecordWithoutImage() {
        Preprocessing preprocessing = Preprocessing.centred(3, 14);
        Path file = write(preprocessing, 1);
        assertThrows(UserException.class, () -> open(file, preprocessing, 0, 1));
        assertEquals(1, open(file, preprocessing, 0).size());
    }

    @Test
    void describesChannelsOverAllPixels() {
        byte[] pixels = {0, 51, (byte) 255, (byte) 204, 10, 10, 10, 10};
        ImageDataset data =
                ImageDataset.of(
                        ByteBuffer.wrap(pixels),
                        PixelType.UINT8,
                        new long[] {2, 2, 1, 2},
                        new int[] {1, 1},
                        List.of("a", "b"));
        Statistics found = Statistics.of(data);
        assertArrayEquals(new int[] {0, 2}, found.counts());
        // channel 0: 0, 0.2 and 10/255 twice
        double ten = 10 / 255.0;
        double mean = (0.2 + 2 * ten) / 4;
        assertEquals(mean, found.mean()[0], 1e-12);
        double variance = (0.04 + 2 * ten * ten) / 4 - mean * mean;
        assertEquals(Math.sqrt(variance), found.deviation()[0], 1e-12);
        assertEquals((1.8 + 2 * ten) / 4, found.mean()[1], 1e-12);
    }
}
