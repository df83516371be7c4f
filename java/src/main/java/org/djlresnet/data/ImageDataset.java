package org.djlresnet.data;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.zip.CRC32C;
import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.RawImage;

/**
 * Labelled images of one size in memory: pixels (N, C, H, W), labels and class names.
 *
 * <p>Immutable and thread-safe. The pixels are not copied, so the buffer must not change.
 */
public final class ImageDataset implements Examples {

    private static final int SCAN = 1 << 14;

    private final ByteBuffer pixels;
    private final FloatBuffer floats;
    private final PixelType type;
    private final int size;
    private final ImageShape shape;
    private final int[] labels;
    private final List<String> classNames;

    private ImageDataset(
            ByteBuffer pixels,
            PixelType type,
            int size,
            ImageShape shape,
            int[] labels,
            List<String> classNames) {
        this.pixels = pixels;
        floats = pixels.duplicate().order(ByteOrder.nativeOrder()).asFloatBuffer();
        this.type = type;
        this.size = size;
        this.shape = shape;
        this.labels = labels;
        this.classNames = classNames;
    }

    /**
     * Checks and wraps pixels that are already in memory.
     *
     * @param pixels a buffer, direct or not, whose remaining bytes are the pixels, contiguous in
     *     the order (N, C, H, W); float32 in native byte order
     * @param type uint8 (scaled by 1/255 in a batch) or float32 (finite; not scaled)
     * @param shape N, C, H, W, each 1 or more
     * @param labels N labels, each 0 to {@code classNames.size() - 1}; copied
     * @param classNames a name for each class, one or more
     * @return the data set, which shares the buffer's memory
     * @throws UserException if sizes disagree, a label is out of range or a pixel is not finite
     */
    public static ImageDataset of(
            ByteBuffer pixels,
            PixelType type,
            long[] shape,
            int[] labels,
            List<String> classNames) {
        if (shape.length != 4) {
            throw new UserException(
                    "Images must have shape (N, C, H, W). Received: "
                            + Arrays.toString(shape)
                            + ".");
        }
        long bytes = bytes(shape, type);
        if (pixels.remaining() != bytes) {
            throw UserException.of(
                    "A buffer of images of shape %s and type %s has the wrong size. Received: %d bytes. Allowed: %d.",
                    Arrays.toString(shape), type, pixels.remaining(), bytes);
        }
        int size = (int) shape[0];
        if (labels.length != size) {
            throw UserException.of(
                    "Each image needs one label. Received: %d images and %d labels.",
                    size, labels.length);
        }
        if (classNames.isEmpty()) {
            throw new UserException("A data set needs at least one class name.");
        }
        for (int i = 0; i < size; i++) {
            if (labels[i] < 0 || labels[i] >= classNames.size()) {
                throw UserException.of(
                        "The label of example %d is out of range. Received: %d. Allowed: 0 to %d, for %d class%s.",
                        i,
                        labels[i],
                        classNames.size() - 1,
                        classNames.size(),
                        classNames.size() == 1 ? "" : "es");
            }
        }
        ByteBuffer own = pixels.slice().asReadOnlyBuffer().order(ByteOrder.nativeOrder());
        ImageShape image = new ImageShape((int) shape[1], (int) shape[2], (int) shape[3]);
        if (type == PixelType.FLOAT32) {
            checkFinite(own.asFloatBuffer(), image);
        }
        return new ImageDataset(own, type, size, image, labels.clone(), List.copyOf(classNames));
    }

    private static long bytes(long[] shape, PixelType type) {
        long bytes = type.bytes();
        for (long length : shape) {
            if (length < 1) {
                throw new UserException(
                        "Every dimension of (N, C, H, W) must be at least 1. Received: "
                                + Arrays.toString(shape)
                                + ".");
            }
            if (length > Integer.MAX_VALUE / bytes) {
                throw new UserException(
                        String.format(
                                        Locale.ROOT,
                                        "Images of shape %s and type %s do not fit in one buffer of %d bytes.",
                                        Arrays.toString(shape),
                                        type,
                                        Integer.MAX_VALUE)
                                + " Use fewer images or uint8.");
            }
            bytes *= length;
        }
        return bytes;
    }

    private static void checkFinite(FloatBuffer values, ImageShape shape) {
        float[] chunk = new float[SCAN];
        int total = values.remaining();
        for (int start = 0; start < total; start += SCAN) {
            int length = Math.min(SCAN, total - start);
            values.get(start, chunk, 0, length);
            for (int i = 0; i < length; i++) {
                if (!Float.isFinite(chunk[i])) {
                    throw UserException.of(
                            "Pixels must be finite. Received: %s in image %d.",
                            chunk[i], (start + i) / shape.values());
                }
            }
        }
    }

    @Override
    public ImageDataset limit(int n) {
        int most = Math.min(Examples.requireLimit(n), size);
        return new ImageDataset(pixels, type, most, shape, labels, classNames);
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public ImageShape shape() {
        return shape;
    }

    @Override
    public PixelType type() {
        return type;
    }

    /**
     * Returns the pixels.
     *
     * @return the pixels (N, C, H, W), read-only, in native byte order, from position 0
     */
    public ByteBuffer pixels() {
        int bytes = size * (int) shape.values() * type.bytes();
        return pixels.duplicate().limit(bytes).order(ByteOrder.nativeOrder());
    }

    /**
     * Returns the labels.
     *
     * @return a copy of the N labels, each 0 to {@code classNames().size() - 1}
     */
    public int[] labels() {
        return Arrays.copyOf(labels, size);
    }

    @Override
    public int label(int index) {
        return labels[Objects.checkIndex(index, size)];
    }

    @Override
    public void read(int index, RawImage into) {
        int length = (int) shape.values();
        int begin = Objects.checkIndex(index, size) * length;
        if (type == PixelType.UINT8) {
            pixels.get(begin, into.holdBytes(shape), 0, length);
        } else {
            floats.get(begin, into.holdFloats(shape), 0, length);
        }
    }

    /**
     * Returns a checksum (CRC-32C) of shape, type, pixels and labels. For float32 pixels it depends
     * on the machine's byte order.
     */
    @Override
    public String fingerprint() {
        ByteBuffer rest = ByteBuffer.allocate(Integer.BYTES * (5 + size));
        rest.putInt(size).putInt(shape.channels()).putInt(shape.height()).putInt(shape.width());
        rest.putInt(type.bytes());
        rest.asIntBuffer().put(labels, 0, size);
        CRC32C checksum = new CRC32C();
        checksum.update(rest.clear());
        checksum.update(pixels());
        return HexFormat.of().toHexDigits((int) checksum.getValue());
    }

    @Override
    public List<String> classNames() {
        return classNames;
    }
}
