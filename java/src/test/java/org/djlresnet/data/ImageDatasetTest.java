package org.djlresnet.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.djlresnet.UserException;
import org.junit.jupiter.api.Test;

class ImageDatasetTest {

    private static final List<String> NAMES = List.of("a", "b");

    private static String refused(
            ByteBuffer pixels, PixelType type, long[] shape, int[] labels, List<String> names) {
        return assertThrows(
                        UserException.class,
                        () -> ImageDataset.of(pixels, type, shape, labels, names))
                .getMessage();
    }

    private static String refused(long[] shape, int... labels) {
        return refused(ByteBuffer.allocateDirect(12), PixelType.UINT8, shape, labels, NAMES);
    }

    @Test
    void holdsWhatItIsGivenWithoutCopyingPixels() {
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
        assertEquals(3, set.channels());
        assertEquals(2, set.height());
        assertEquals(1, set.width());
        assertEquals(NAMES, set.classNames());
    }

    @Test
    void checksumIsOfSizesLabelsAndPixels() {
        ByteBuffer pixels = ByteBuffer.allocateDirect(12);
        for (byte i = 0; i < 12; i++) {
            pixels.put(i, i);
        }
        long[] shape = {2, 3, 2, 1};
        ImageDataset set = ImageDataset.of(pixels, PixelType.UINT8, shape, new int[] {0, 1}, NAMES);
        // by a table of 256 entries in Python over pack('>7i', 2, 3, 2, 1, 1, 0, 1) + bytes(0..11)
        assertEquals("cd662e50", set.checksum());
        assertEquals(set.checksum(), set.limit(9).checksum());
        assertNotEquals(set.checksum(), set.limit(1).checksum());
        assertEquals(12, set.pixels().remaining());
    }

    @Test
    void limitIsAViewOfTheFirst() {
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

    @Test
    void refusesWrongShapes() {
        assertEquals(
                "Images must have rank 4, (N, C, H, W), received shape [2, 6]",
                refused(new long[] {2, 6}, 0, 1));
        assertEquals(
                "Images of shape [2, 1, 1, 7] and type uint8 take 14 bytes, received a buffer of 12",
                refused(new long[] {2, 1, 1, 7}, 0, 1));
        assertEquals(
                "Every length of (N, C, H, W) must be 1 or more, received [0, 1, 1, 1]",
                refused(new long[] {0, 1, 1, 1}));
        long huge = 1L << 62;
        assertEquals(
                "Images of shape [4, 4611686018427387904, 1, 1] and type uint8 take more than the"
                        + " 2147483647 bytes that fit in one buffer; use fewer images or uint8",
                refused(new long[] {4, huge, 1, 1}, 0, 0, 0, 0));
    }

    @Test
    void refusesLabelsThatDoNotFit() {
        long[] shape = {3, 1, 2, 2};
        assertEquals(
                "There must be one label an image: received 3 images and 2 labels",
                refused(shape, 0, 1));
        assertEquals("Label 1 is 2; with 2 classes it must be 0 to 1", refused(shape, 0, 2, 5));
        assertEquals("Label 2 is -1; with 2 classes it must be 0 to 1", refused(shape, 0, 1, -1));
    }

    @Test
    void namesTheFirstPixelThatIsNotFinite() {
        int n = 20_000;
        ByteBuffer pixels = ByteBuffer.allocateDirect(n * 6 * 4).order(ByteOrder.nativeOrder());
        int at = 18_000 * 6 + 1 * 3 + 2;
        pixels.putFloat(4 * at, Float.NaN).putFloat(4 * at + 4, Float.NEGATIVE_INFINITY);
        long[] shape = {n, 2, 1, 3};
        assertEquals(
                "Pixels must be finite, received NaN at (18000, 1, 0, 2) of (N, C, H, W)",
                refused(pixels, PixelType.FLOAT32, shape, new int[n], NAMES));
    }

    @Test
    void pixelTypesAreKnownByName() {
        assertEquals(PixelType.FLOAT32, PixelType.of("float32"));
        String message =
                assertThrows(UserException.class, () -> PixelType.of("float64")).getMessage();
        assertEquals(
                "Unknown pixel type \"float64\"; did you mean \"float32\"? Known: uint8, float32",
                message);
    }
}
