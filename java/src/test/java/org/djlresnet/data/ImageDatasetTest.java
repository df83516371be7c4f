package org.djlresnet.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.RawImage;
import org.junit.jupiter.api.Test;

class ImageDatasetTest {

    private static final List<String> NAMES = List.of("a", "b");

    private static String rejected(
            ByteBuffer pixels, PixelType type, long[] shape, int[] labels, List<String> names) {
        return assertThrows(
                        UserException.class,
                        () -> ImageDataset.of(pixels, type, shape, labels, names))
                .getMessage();
    }

    private static String rejected(long[] shape, int... labels) {
        return rejected(ByteBuffer.allocateDirect(12), PixelType.UINT8, shape, labels, NAMES);
    }

    @Test
    void doesNotCopyPixels() {
        ByteBuffer pixels = ByteBuffer.allocateDirect(14).position(2);
        long[] shape = {2, 3, 2, 1};
        int[] labels = {0, 1};
        ImageDataset set = ImageDataset.of(pixels, PixelType.UINT8, shape, labels, NAMES);
        pixels.put(3, (byte) 77);
        labels[0] = 9;
        assertEquals(77, set.pixels().get(1));
        assertEquals(12, set.pixels().remaining());
        assertArrayEquals(new int[] {0, 1}, set.labels());
        assertEquals(2, set.size());
        assertEquals(new ImageShape(3, 2, 1), set.shape());
        assertEquals(NAMES, set.classNames());
    }

    @Test
    void fingerprintDependsOnSizesLabelsAndPixels() {
        ByteBuffer pixels = ByteBuffer.allocateDirect(12);
        for (byte i = 0; i < 12; i++) {
            pixels.put(i, i);
        }
        long[] shape = {2, 3, 2, 1};
        ImageDataset set = ImageDataset.of(pixels, PixelType.UINT8, shape, new int[] {0, 1}, NAMES);
        // by a table of 256 entries in Python over pack('>7i', 2, 3, 2, 1, 1, 0, 1) + bytes(0..11)
        assertEquals("cd662e50", set.fingerprint());
        assertEquals(set.fingerprint(), set.limit(9).fingerprint());
        assertNotEquals(set.fingerprint(), set.limit(1).fingerprint());
        assertEquals(12, set.pixels().remaining());
    }

    @Test
    void limitIsAViewOfTheFirstExamples() {
        long[] shape = {4, 3, 1, 1};
        ImageDataset set =
                ImageDataset.of(
                        ByteBuffer.allocateDirect(12),
                        PixelType.UINT8,
                        shape,
                        new int[] {1, 0, 1, 1},
                        NAMES);
        ImageDataset two = set.limit(2);
        assertEquals(2, two.size());
        assertEquals(6, two.pixels().remaining());
        assertArrayEquals(new int[] {1, 0}, two.labels());
        assertThrows(IndexOutOfBoundsException.class, () -> two.label(2));
        assertEquals(4, set.limit(1000).size());
        assertThrows(UserException.class, () -> set.limit(0));
    }

    /** Example i of 4 is the pixel (10 i, 10 i + 1) with label i mod 2. */
    private static ImageDataset four() {
        ByteBuffer pixels = ByteBuffer.allocateDirect(8);
        for (int i = 0; i < 4; i++) {
            pixels.put(2 * i, (byte) (10 * i)).put(2 * i + 1, (byte) (10 * i + 1));
        }
        long[] shape = {4, 2, 1, 1};
        return ImageDataset.of(pixels, PixelType.UINT8, shape, new int[] {0, 1, 0, 1}, NAMES);
    }

    @Test
    void subsetIsAViewOfSelectedExamples() {
        ImageDataset set = four();
        int[] chosen = {3, 0};
        Examples subset = set.subset(chosen);
        chosen[0] = 1;
        assertEquals(2, subset.size());
        assertEquals(set.shape(), subset.shape());
        assertEquals(NAMES, subset.classNames());
        assertEquals(1, subset.label(0));
        assertEquals(0, subset.label(1));
        RawImage image = new RawImage();
        subset.read(0, image);
        byte[] again = image.holdBytes(set.shape());
        assertEquals(30, again[0]);
        assertEquals(31, again[1]);
        assertEquals(1, subset.limit(1).size());
        assertThrows(IndexOutOfBoundsException.class, () -> subset.label(2));
    }

    @Test
    void subsetFingerprintDependsOnIndicesAndTheirOrder() {
        ImageDataset set = four();
        String fingerprint = set.subset(new int[] {0, 2}).fingerprint();
        assertEquals(fingerprint, four().subset(new int[] {0, 2}).fingerprint());
        assertNotEquals(fingerprint, set.subset(new int[] {2, 0}).fingerprint());
        assertNotEquals(fingerprint, set.subset(new int[] {0, 3}).fingerprint());
        assertNotEquals(fingerprint, set.subset(new int[] {0, 2, 2}).fingerprint());
        assertNotEquals(fingerprint, set.limit(3).subset(new int[] {0, 2}).fingerprint());
    }

    @Test
    void rejectsSubsetIndicesOutOfRange() {
        ImageDataset set = four();
        assertEquals(
                "Index 1 of a subset is out of range. Received: 4. Allowed: 0 to 3.",
                assertThrows(UserException.class, () -> set.subset(new int[] {0, 4})).getMessage());
        assertThrows(UserException.class, () -> set.subset(new int[] {-1}));
        assertThrows(UserException.class, () -> set.subset(new int[0]));
    }

    @Test
    void rejectsWrongShapes() {
        assertEquals(
                "Images must have shape (N, C, H, W). Received: [2, 6].",
                rejected(new long[] {2, 6}, 0, 1));
        assertEquals(
                "A buffer of images of shape [2, 1, 1, 7] and type uint8 has the wrong size."
                        + " Received: 12 bytes. Allowed: 14.",
                rejected(new long[] {2, 1, 1, 7}, 0, 1));
        assertEquals(
                "Every dimension of (N, C, H, W) must be at least 1. Received: [0, 1, 1, 1].",
                rejected(new long[] {0, 1, 1, 1}));
        long huge = 1L << 62;
        assertEquals(
                "Images of shape [4, 4611686018427387904, 1, 1] and type uint8 do not fit in one"
                        + " buffer of 2147483647 bytes. Use fewer images or uint8.",
                rejected(new long[] {4, huge, 1, 1}, 0, 0, 0, 0));
    }

    @Test
    void rejectsLabelsThatDoNotFit() {
        long[] shape = {3, 1, 2, 2};
        assertEquals(
                "Each image needs one label. Received: 3 images and 2 labels.",
                rejected(shape, 0, 1));
        assertEquals(
                "The label of example 1 is out of range. Received: 2. Allowed: 0 to 1, for 2 classes.",
                rejected(shape, 0, 2, 5));
        assertEquals(
                "The label of example 2 is out of range. Received: -1. Allowed: 0 to 1, for 2 classes.",
                rejected(shape, 0, 1, -1));
    }

    @Test
    void rejectsNonFinitePixels() {
        int n = 20_000;
        ByteBuffer pixels = ByteBuffer.allocateDirect(n * 6 * 4).order(ByteOrder.nativeOrder());
        int at = 18_000 * 6 + 1 * 3 + 2;
        pixels.putFloat(4 * at, Float.NaN).putFloat(4 * at + 4, Float.NEGATIVE_INFINITY);
        long[] shape = {n, 2, 1, 3};
        assertEquals(
                "Pixels must be finite. Received: NaN in image 18000.",
                rejected(pixels, PixelType.FLOAT32, shape, new int[n], NAMES));
    }

    @Test
    void findsPixelTypesByName() {
        assertEquals(PixelType.FLOAT32, PixelType.of("float32"));
        String message =
                assertThrows(UserException.class, () -> PixelType.of("float64")).getMessage();
        assertEquals(
                "Unknown pixel type. Received: 'float64'. Did you mean 'float32'? Allowed: uint8, float32.",
                message);
    }
}
