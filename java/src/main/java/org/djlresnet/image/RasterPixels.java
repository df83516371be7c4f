package org.djlresnet.image;

import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import org.djlresnet.UserException;

/**
 * Reads the stored pixels of a {@link BufferedImage}, converted to 8 bits.
 *
 * <p>{@link BufferedImage#getRGB} brightens grey images, because it interprets their values as
 * linear light; this class does not. Transparent pixels become black. As in Pillow, 16-bit grey is
 * rounded to 8 bits, and 16-bit colour keeps its upper 8 bits.
 */
public final class RasterPixels {

    private RasterPixels() {}

    /**
     * Reads an image.
     *
     * @param image a grey, RGB or indexed image, with or without transparency
     * @param into receives bytes of 1 or 3 channels
     * @throws UserException if the image is of another kind
     */
    public static void read(BufferedImage image, RawImage into) {
        Raster raster = image.getRaster();
        if (image.getColorModel() instanceof IndexColorModel palette) {
            readIndexed(raster, palette, into);
            return;
        }
        int colours = image.getColorModel().getNumColorComponents();
        int type = raster.getTransferType();
        boolean whole =
                type == DataBuffer.TYPE_BYTE
                        || type == DataBuffer.TYPE_USHORT
                        || type == DataBuffer.TYPE_INT;
        if (!whole || colours != 1 && colours != 3) {
            throw new UserException(
                    "An image must be grey or RGB, with integer values. Received: "
                            + image.getColorModel()
                            + ".");
        }
        readBands(raster, image.getColorModel(), colours, into);
    }

    private static void readBands(Raster raster, ColorModel model, int colours, RawImage into) {
        int width = raster.getWidth();
        int height = raster.getHeight();
        byte[] pixels = into.holdBytes(new ImageShape(colours, height, width));
        boolean blend = model.hasAlpha() && !model.isAlphaPremultiplied();
        int[] line = new int[width];
        int[] alpha = new int[width];
        for (int y = 0; y < height; y++) {
            if (blend) {
                samples(raster, model, y, colours, alpha);
            }
            for (int c = 0; c < colours; c++) {
                samples(raster, model, y, c, line);
                int to = (c * height + y) * width;
                for (int x = 0; x < width; x++) {
                    pixels[to + x] = (byte) (blend ? onBlack(line[x], alpha[x]) : line[x]);
                }
            }
        }
    }

    /** Reads a line of one band, converted to 8 bits. */
    private static void samples(Raster raster, ColorModel model, int y, int band, int[] line) {
        int left = raster.getMinX();
        raster.getSamples(left, raster.getMinY() + y, line.length, 1, band, line);
        int bits = model.getComponentSize(band);
        boolean grey = model.getNumComponents() == 1;
        for (int x = 0; x < line.length; x++) {
            line[x] = toByte(line[x], bits, grey);
        }
    }

    private static int toByte(int value, int bits, boolean grey) {
        if (bits == 8) {
            return value;
        }
        if (bits == 16) {
            return grey ? (value + 128) / 257 : value >> 8;
        }
        int most = (1 << bits) - 1;
        return (value * 255 + most / 2) / most;
    }

    private static void readIndexed(Raster raster, IndexColorModel palette, RawImage into) {
        int width = raster.getWidth();
        int height = raster.getHeight();
        byte[] pixels = into.holdBytes(new ImageShape(3, height, width));
        int[] line = new int[width];
        for (int y = 0; y < height; y++) {
            raster.getSamples(raster.getMinX(), raster.getMinY() + y, width, 1, 0, line);
            for (int x = 0; x < width; x++) {
                int argb = palette.getRGB(line[x]);
                int alpha = argb >>> 24;
                for (int c = 0; c < 3; c++) {
                    int value = argb >> 16 - 8 * c & 0xff;
                    pixels[(c * height + y) * width + x] = (byte) onBlack(value, alpha);
                }
            }
        }
    }

    /** Returns value · alpha / 255, rounded as in Pillow. */
    private static int onBlack(int value, int alpha) {
        int product = value * alpha + 128;
        return (product >> 8) + product >> 8;
    }
}
