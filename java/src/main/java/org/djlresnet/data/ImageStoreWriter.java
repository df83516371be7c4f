package org.djlresnet.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.djlresnet.AtomicFile;
import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.Preprocessor;
import org.djlresnet.image.RawImage;
import org.djlresnet.image.Resize;

/**
 * Writes images to a file that {@link StoredImages} maps into memory.
 *
 * <p>The file: the pixels of each image, unsigned bytes (C, H, W), none of which crosses a multiple
 * of {@link #SEGMENT}; an entry per record (int64 offset, -1 for a record without an image; int32
 * C, H, W); int32 number of records, int64 start of the entries, int64 {@link #MAGIC}; all
 * big-endian.
 *
 * <p>Several threads may add images at once.
 */
public final class ImageStoreWriter implements AutoCloseable {

    /** A Java buffer maps less than 2 GiB. */
    static final long SEGMENT = 1 << 30;

    static final long MAGIC = 0x444a4c494d473031L;
    static final int ENTRY = Long.BYTES + 3 * Integer.BYTES;
    static final int TRAILER = Integer.BYTES + 2 * Long.BYTES;

    /** An image that is more than ten times as long as wide may have so many values in all. */
    private static final long MOST = 1 << 26;

    private final Path file;
    private final FileChannel channel;
    private final Preprocessing resizing;
    private final ByteBuffer entries;
    private final int records;
    private long end;

    /**
     * Creates a file.
     *
     * @param file the file, which is replaced
     * @param records the number of records, 1 or more
     * @param preprocessing how networks will prepare the images; see {@link Preprocessing#storable}
     * @throws UncheckedIOException if the file cannot be written
     */
    public ImageStoreWriter(Path file, int records, Preprocessing preprocessing) {
        this.file = file;
        this.records = records;
        resizing = preprocessing.storable();
        entries = ByteBuffer.allocate(Math.multiplyExact(records, ENTRY));
        for (int i = 0; i < records; i++) {
            entries.putLong(i * ENTRY, -1);
        }
        try {
            channel =
                    FileChannel.open(
                            file,
                            StandardOpenOption.CREATE,
                            StandardOpenOption.WRITE,
                            StandardOpenOption.TRUNCATE_EXISTING);
        } catch (IOException failure) {
            throw failed(failure);
        }
    }

    /**
     * Returns the number of bytes that images take.
     *
     * @param preprocessing how networks will prepare the images
     * @param shapes C, H and W of each image, one after another
     * @return the number of bytes, without the entries and images that {@link #put} rejects
     */
    public static long bytes(Preprocessing preprocessing, int[] shapes) {
        Preprocessing resizing = preprocessing.storable();
        long total = 0;
        for (int i = 0; i < shapes.length; i += 3) {
            ImageShape shape = new ImageShape(shapes[i], shapes[i + 1], shapes[i + 2]);
            if (!isTooLong(shape, resizing)) {
                total += (resizing == null ? shape : resizing.output(shape)).values();
            }
        }
        return total;
    }

    private static boolean isTooLong(ImageShape shape, Preprocessing resizing) {
        if (resizing == null || resizing.resize().target() == Resize.Target.EXACT) {
            return false;
        }
        double shortSide = Math.min(shape.height(), shape.width());
        double ratio = Math.max(shape.height(), shape.width()) / shortSide;
        double side = resizing.resize().height();
        return ratio > 10 && ratio * side * side * resizing.channels() > MOST;
    }

    /**
     * Adds an image.
     *
     * @param record its record, from 0
     * @param pixels its pixels (C, H, W), unsigned bytes
     * @param channels C
     * @param height H
     * @param width W
     * @throws UserException if it cannot be prepared
     * @throws UncheckedIOException if the file cannot be written
     */
    public void put(int record, byte[] pixels, int channels, int height, int width) {
        ImageShape shape = new ImageShape(channels, height, width);
        byte[] stored = pixels;
        if (resizing != null) {
            RawImage raw = new RawImage();
            System.arraycopy(pixels, 0, raw.holdBytes(shape), 0, pixels.length);
            if (isTooLong(shape, resizing)) {
                throw UserException.of(
                        "An image of %s is too long and narrow to resize its short side to %d."
                                + " Crop it.",
                        shape, resizing.resize().height());
            }
            shape = resizing.output(shape);
            float[] values = new float[Math.toIntExact(shape.values())];
            new Preprocessor(resizing).apply(raw, values, 0);
            stored = bytes(values);
        }
        long begin = allocate((int) shape.values());
        write(ByteBuffer.wrap(stored), begin);
        synchronized (this) {
            entries.putLong(record * ENTRY, begin);
            int at = record * ENTRY + Long.BYTES;
            entries.putInt(at, shape.channels());
            entries.putInt(at + Integer.BYTES, shape.height());
            entries.putInt(at + 2 * Integer.BYTES, shape.width());
        }
    }

    /** Undoes the scaling of bytes to [0, 1], exactly. */
    private static byte[] bytes(float[] values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) Math.round(values[i] * 255);
        }
        return bytes;
    }

    private synchronized long allocate(int bytes) {
        long begin = place(end, bytes);
        end = begin + bytes;
        return begin;
    }

    /** Returns the first position from {@code end} at which the bytes fit into one segment. */
    static long place(long end, int bytes) {
        boolean crosses = end / SEGMENT != (end + bytes - 1) / SEGMENT;
        return crosses ? (end / SEGMENT + 1) * SEGMENT : end;
    }

    /**
     * Completes the file and flushes it to the disk.
     *
     * @throws UncheckedIOException if the file cannot be written
     */
    public void finish() {
        write(entries.duplicate().clear(), end);
        ByteBuffer trailer = ByteBuffer.allocate(TRAILER);
        trailer.putInt(records).putLong(end).putLong(MAGIC);
        write(trailer.flip(), end + entries.capacity());
        try {
            channel.force(false);
        } catch (IOException failure) {
            throw failed(failure);
        }
    }

    private void write(ByteBuffer bytes, long position) {
        try {
            long at = position;
            while (bytes.hasRemaining()) {
                at += channel.write(bytes, at);
            }
        } catch (IOException failure) {
            throw failed(failure);
        }
    }

    private UncheckedIOException failed(IOException failure) {
        return new UncheckedIOException(
                "Cannot write " + file + ": " + AtomicFile.reason(failure) + ".", failure);
    }

    /** Closes the file, which is readable only after {@link #finish}. */
    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException failure) {
            throw failed(failure);
        }
    }
}
