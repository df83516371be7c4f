package org.djlresnet.image;

/**
 * One image as it is stored, in memory that is used again for the next: pixels (C, H, W), either
 * bytes from 0 to 255 or float32.
 *
 * <p>Whoever reads an image calls {@link #holdBytes} or {@link #holdFloats} and fills the array.
 * Not safe for use by several threads.
 */
public final class RawImage {

    private ImageShape shape;
    private PixelType type;
    private byte[] bytes = {};
    private float[] floats = {};

    /** Creates a holder without an image. */
    public RawImage() {}

    /**
     * Makes this an image of bytes.
     *
     * @param newShape its shape
     * @return where its C·H·W pixels go, from index 0; the array may be longer and holds anything
     */
    public byte[] holdBytes(ImageShape newShape) {
        int values = Math.toIntExact(newShape.values());
        if (bytes.length < values) {
            bytes = new byte[values];
        }
        shape = newShape;
        type = PixelType.UINT8;
        return bytes;
    }

    /**
     * Makes this an image of float32.
     *
     * @param newShape its shape
     * @return where its C·H·W pixels go, from index 0; the array may be longer and holds anything
     */
    public float[] holdFloats(ImageShape newShape) {
        int values = Math.toIntExact(newShape.values());
        if (floats.length < values) {
            floats = new float[values];
        }
        shape = newShape;
        type = PixelType.FLOAT32;
        return floats;
    }

    /**
     * @return the image's shape; null before there is one
     */
    public ImageShape shape() {
        return shape;
    }

    /**
     * @return how its pixels are stored; null before there is one
     */
    public PixelType type() {
        return type;
    }

    byte[] bytes() {
        return bytes;
    }

    float[] floats() {
        return floats;
    }
}
