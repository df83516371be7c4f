package org.djlresnet.image;

/**
 * An unprepared image in reused memory: pixels (C, H, W), either bytes from 0 to 255 or float32.
 *
 * <p>A reader calls {@link #holdBytes} or {@link #holdFloats} and fills the returned array. Not
 * thread-safe.
 */
public final class RawImage {

    private ImageShape shape;
    private PixelType type;
    private byte[] bytes = {};
    private float[] floats = {};

    /** Creates an empty holder. */
    public RawImage() {}

    /**
     * Prepares to hold an image of bytes.
     *
     * @param newShape the image's shape
     * @return the array to fill with its C·H·W pixels, from index 0; it may be longer
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
     * Prepares to hold an image of float32.
     *
     * @param newShape the image's shape
     * @return the array to fill with its C·H·W pixels, from index 0; it may be longer
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
     * Returns the image's shape.
     *
     * @return the shape; null before the first image
     */
    public ImageShape shape() {
        return shape;
    }

    /**
     * Returns how the pixels are stored.
     *
     * @return the pixel type; null before the first image
     */
    public PixelType type() {
        return type;
    }

    /**
     * Returns a value of the image.
     *
     * @param index the index in (C, H, W)
     * @return the value; a byte is scaled to [0, 1]
     */
    public double value(int index) {
        return type == PixelType.UINT8 ? (bytes[index] & 0xff) / 255.0 : floats[index];
    }

    /**
     * Returns the pixels of an image of bytes.
     *
     * @return its C·H·W pixels, from index 0; the array may be longer and is reused
     */
    public byte[] bytes() {
        return bytes;
    }

    float[] floats() {
        return floats;
    }
}
