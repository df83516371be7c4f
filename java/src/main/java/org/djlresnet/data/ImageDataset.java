package org.djlresnet.data;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.CRC32C;
import org.djlresnet.UserException;

/**
 * Labelled images of one size, held once in memory: pixels (N, C, H, W), a label and class names.
 *
 * <p>Immutable and safe for reading by several threads. The pixels are not copied, so whoever made
 * the buffer must leave it alone.
 */
public final class ImageDataset {

    private static final int SCAN = 1 << 14;

    private final ByteBuffer pixels;
    private final PixelType type;
    private final int size;
    private final int channels;
    private final int height;
    private final int width;
    private final int[] labels;
    private final List<String> classNames;

    private ImageDataset(
            ByteBuffer pixels,
            PixelType type,
            int size,
            int[] chw,
            int[] labels,
            List<String> classNames) {
        this.pixels = pixels;
        this.type = type;
        this.size = size;
        this.channels = chw[0];
        this.height = chw[1];
        this.width = chw[2];
        this.labels = labels;
        this.classNames = classNames;
    }

    /**
     * Wraps pixels that are in memory already, after checking all that can be wrong with them.
     *
     * @param pixels the remaining bytes are the pixels, contiguous in the order (N, C, H, W);
     *     float32 in the machine's byte order; direct or not
     * @param type uint8 (scaled by 1/255 in a batch) or float32 (finite; used as it is)
     * @param shape N, C, H, W, each 1 or more
     * @param labels N of them, each 0 to {@code classNames.size() - 1}; copied
     * @param classNames one or more
     * @return the data set, which aliases the buffer
     * @throws UserException naming what does not fit, and the first bad label or value
     */
    public static ImageDataset of(
            ByteBuffer pixels,
            PixelType type,
            long[] shape,
            int[] labels,
            List<String> classNames) {
        if (shape.length != 4) {
            throw new UserException(
                    "Images must have rank 4, (N, C, H, W), received shape "
                            + Arrays.toString(shape));
        }
        long bytes = bytes(shape, type);
        if (pixels.remaining() != bytes) {
            throw new UserException(
                    "Images of shape %s and type %s take %d bytes, received a buffer of %d"
                            .formatted(Arrays.toString(shape), type, bytes, pixels.remaining()));
        }
        int size = (int) shape[0];
        if (labels.length != size) {
            throw new UserException(
                    "There must be one label an image: received %d images and %d labels"
                            .formatted(size, labels.length));
        }
        if (classNames.isEmpty()) {
            throw new UserException("A data set needs one or more class names, received none");
        }
        for (int i = 0; i < size; i++) {
            if (labels[i] < 0 || labels[i] >= classNames.size()) {
                throw new UserException(
                        "Label %d is %d; with %d classes it must be 0 to %d"
                                .formatted(i, labels[i], classNames.size(), classNames.size() - 1));
            }
        }
        ByteBuffer own = pixels.slice().asReadOnlyBuffer().order(ByteOrder.nativeOrder());
        int[] chw = {(int) shape[1], (int) shape[2], (int) shape[3]};
        if (type == PixelType.FLOAT32) {
            checkFinite(own.asFloatBuffer(), chw);
        }
        return new ImageDataset(own, type, size, chw, labels.clone(), List.copyOf(classNames));
    }

    private static long bytes(long[] shape, PixelType type) {
        long bytes = type.bytes();
        for (long length : shape) {
            if (length < 1) {
                throw new UserException(
                        "Every length of (N, C, H, W) must be 1 or more, received "
                                + Arrays.toString(shape));
            }
            if (length > Integer.MAX_VALUE / bytes) {
                throw new UserException(
                        "Images of shape %s and type %s take more than the %d bytes that fit"
                                        .formatted(Arrays.toString(shape), type, Integer.MAX_VALUE)
                                + " in one buffer; use fewer images or uint8");
            }
            bytes *= length;
        }
        return bytes;
    }

    private static void checkFinite(FloatBuffer values, int[] chw) {
        float[] chunk = new float[SCAN];
        int total = values.remaining();
        for (int start = 0; start < total; start += SCAN) {
            int length = Math.min(SCAN, total - start);
            values.get(start, chunk, 0, length);
            for (int i = 0; i < length; i++) {
                if (!Float.isFinite(chunk[i])) {
                    int at = start + i;
                    int x = at % chw[2];
                    int y = at / chw[2] % chw[1];
                    int c = at / chw[2] / chw[1] % chw[0];
                    int n = at / chw[2] / chw[1] / chw[0];
                    throw new UserException(
                            "Pixels must be finite, received %s at (%d, %d, %d, %d) of (N, C, H, W)"
                                    .formatted(chunk[i], n, c, y, x));
                }
            }
        }
    }

    /**
     * The first examples alone, sharing the memory of all.
     *
     * @param n 1 or more; more than there are means all
     * @return a view
     * @throws UserException if n is not positive
     */
    public ImageDataset limit(int n) {
        if (n < 1) {
            throw new UserException("The limit of examples must be 1 or more, received " + n);
        }
        int[] chw = {channels, height, width};
        return new ImageDataset(pixels, type, Math.min(n, size), chw, labels, classNames);
    }

    /**
     * @return number of examples N
     */
    public int size() {
        return size;
    }

    /**
     * @return channels C
     */
    public int channels() {
        return channels;
    }

    /**
     * @return height H in pixels
     */
    public int height() {
        return height;
    }

    /**
     * @return width W in pixels
     */
    public int width() {
        return width;
    }

    /**
     * @return how the pixels are stored
     */
    public PixelType type() {
        return type;
    }

    /**
     * @return the pixels (N, C, H, W), read-only, of the machine's byte order, from position 0
     */
    public ByteBuffer pixels() {
        int bytes = size * channels * height * width * type.bytes();
        return pixels.duplicate().limit(bytes).order(ByteOrder.nativeOrder());
    }

    /**
     * @return a copy of the N labels, each 0 to {@code classNames().size() - 1}
     */
    public int[] labels() {
        return Arrays.copyOf(labels, size);
    }

    /**
     * @param index 0 to {@code size() - 1}
     * @return the label of one example
     * @throws IndexOutOfBoundsException if there is no such example
     */
    public int label(int index) {
        if (index >= size) {
            throw new IndexOutOfBoundsException(
                    "example %d of a data set of %d".formatted(index, size));
        }
        return labels[index];
    }

    /**
     * @return a checksum (CRC-32C) of shape, type, pixels and labels, eight hexadecimal digits; of
     *     float32 pixels it depends on the machine's byte order
     */
    public String checksum() {
        ByteBuffer rest = ByteBuffer.allocate(Integer.BYTES * (5 + size));
        rest.putInt(size).putInt(channels).putInt(height).putInt(width).putInt(type.bytes());
        rest.asIntBuffer().put(labels, 0, size);
        CRC32C checksum = new CRC32C();
        checksum.update(rest.clear());
        checksum.update(pixels());
        return HexFormat.of().toHexDigits((int) checksum.getValue());
    }

    /**
     * @return the classes' names, by label
     */
    public List<String> classNames() {
        return classNames;
    }
}
