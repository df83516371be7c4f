package org.djlresnet.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.util.Arrays;
import org.djlresnet.UserException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class RasterPixelsTest {

    private static byte[] pixels(BufferedImage image, ImageShape shape) {
        RawImage raw = new RawImage();
        RasterPixels.read(image, raw);
        assertEquals(shape, raw.shape());
        return Arrays.copyOf(raw.bytes(), (int) shape.values());
    }

    @ParameterizedTest
    @MethodSource("org.djlresnet.image.GoldenImages#all")
    void readsPngFilesLikePillow(GoldenImages.Golden golden) {
        RawImage raw = new RawImage();
        RasterPixels.read(golden.read(), raw);
        int length = golden.pixels().length;
        if (raw.shape().channels() > golden.shape().channels()) {
            // grey images of few bits have a palette whose three colours are equal
            for (int c = 0; c < 3; c++) {
                byte[] plane = Arrays.copyOfRange(raw.bytes(), c * length, (c + 1) * length);
                assertArrayEquals(golden.pixels(), plane);
            }
            return;
        }
        assertEquals(golden.shape(), raw.shape());
        assertArrayEquals(golden.pixels(), Arrays.copyOf(raw.bytes(), length));
    }

    @ParameterizedTest
    @ValueSource(
            ints = {
                BufferedImage.TYPE_INT_RGB,
                BufferedImage.TYPE_INT_BGR,
                BufferedImage.TYPE_3BYTE_BGR,
                BufferedImage.TYPE_INT_ARGB,
                BufferedImage.TYPE_4BYTE_ABGR
            })
    void readsColoursAsRgbInEveryStorageOrder(int type) {
        BufferedImage image = new BufferedImage(2, 1, type);
        image.setRGB(0, 0, 0xff102030);
        image.setRGB(1, 0, 0xff405060);
        assertArrayEquals(
                new byte[] {0x10, 0x40, 0x20, 0x50, 0x30, 0x60},
                pixels(image, new ImageShape(3, 1, 2)));
    }

    @ParameterizedTest
    @ValueSource(ints = {BufferedImage.TYPE_INT_ARGB, BufferedImage.TYPE_INT_ARGB_PRE})
    void transparentPixelsAreBlack(int type) {
        BufferedImage image = new BufferedImage(2, 1, type);
        image.setRGB(0, 0, 0x00ffffff);
        image.setRGB(1, 0, 0x80ffffff);
        assertArrayEquals(
                new byte[] {0, (byte) 128, 0, (byte) 128, 0, (byte) 128},
                pixels(image, new ImageShape(3, 1, 2)));
    }

    @Test
    void packedColoursFillTheirRange() {
        BufferedImage image = new BufferedImage(1, 1, BufferedImage.TYPE_USHORT_565_RGB);
        image.getRaster().setPixel(0, 0, new int[] {31, 32, 0});
        // 32 · 255 / 63 = 129.52
        assertArrayEquals(
                new byte[] {(byte) 255, (byte) 130, 0}, pixels(image, new ImageShape(3, 1, 1)));
    }

    @Test
    void readsSubimages() {
        BufferedImage image = new BufferedImage(3, 3, BufferedImage.TYPE_BYTE_GRAY);
        for (int i = 0; i < 9; i++) {
            image.getRaster().setSample(i % 3, i / 3, 0, 10 * i);
        }
        assertArrayEquals(
                new byte[] {40, 50, 70, 80},
                pixels(image.getSubimage(1, 1, 2, 2), new ImageShape(1, 2, 2)));
    }

    @Test
    void rejectsOtherColourModels() {
        ComponentColorModel floats =
                new ComponentColorModel(
                        ColorSpace.getInstance(ColorSpace.CS_GRAY),
                        false,
                        false,
                        ComponentColorModel.OPAQUE,
                        DataBuffer.TYPE_FLOAT);
        BufferedImage image =
                new BufferedImage(floats, floats.createCompatibleWritableRaster(2, 2), false, null);
        String message =
                assertThrows(UserException.class, () -> RasterPixels.read(image, new RawImage()))
                        .getMessage();
        assertEquals(
                "An image must be grey or RGB, with integer values. Received: " + floats + ".",
                message);
    }
}
