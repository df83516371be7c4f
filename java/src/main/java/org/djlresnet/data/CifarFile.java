package org.djlresnet.data;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;
import org.djlresnet.InputFile;
import org.djlresnet.UserException;

/**
 * Files in CIFAR-10's binary layout: records of one label byte, 0 to 9, and 3·32·32 pixel bytes,
 * the red, green and blue planes one after another, each in row-major order.
 *
 * <p>The files have no header, so only their size shows whether they are complete. All sizes are
 * checked before memory is allocated.
 *
 * <p>Source: <a href="https://www.cs.toronto.edu/~kriz/cifar.html">the CIFAR-10 data set</a>.
 */
public final class CifarFile {

    static final int CHANNELS = 3;
    static final int SIDE = 32;

    /** The number of classes. */
    public static final int CLASSES = 10;

    /** Bytes in an image. */
    public static final int PIXELS = CHANNELS * SIDE * SIDE;

    /** Bytes in a record. */
    public static final int RECORD = 1 + PIXELS;

    private final ByteBuffer pixels;
    private final int[] labels;

    private CifarFile(ByteBuffer pixels, int[] labels) {
        this.pixels = pixels;
        this.labels = labels;
    }

    /**
     * Reads files and concatenates their records.
     *
     * @param files one or more files
     * @param records the number of records in each file
     * @return the images and labels of all files, in this order
     * @throws UserException if a file is missing, has another size or holds a label above 9, or if
     *     all images together take more than 2^31-1 bytes
     * @throws UncheckedIOException if one cannot be read for another reason
     */
    public static CifarFile read(List<Path> files, int records) {
        long total = (long) files.size() * records * PIXELS;
        if (total > Integer.MAX_VALUE) {
            throw new UserException(
                    String.format(
                            Locale.ROOT,
                            "%d files of %d images are too large. Received: %d bytes. Allowed: %d.",
                            files.size(),
                            records,
                            total,
                            Integer.MAX_VALUE));
        }
        files.forEach(file -> checkSize(file, records));
        ByteBuffer pixels = ByteBuffer.allocateDirect((int) total);
        int[] labels = new int[files.size() * records];
        for (int i = 0; i < files.size(); i++) {
            readRecords(files.get(i), i * records, records, pixels, labels);
        }
        return new CifarFile(pixels.flip(), labels);
    }

    private static void checkSize(Path file, int records) {
        InputFile.requireRegular(file);
        long expected = (long) records * RECORD;
        long size;
        try (InputStream in = Files.newInputStream(file)) {
            size = Files.size(file);
            InputFile.rejectLfsPointer(file, in.readNBytes(64));
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be read: " + e, e);
        }
        if (size != expected) {
            String kind = size == 0 ? "empty" : size < expected ? "truncated" : "too long";
            throw new UserException(
                    String.format(
                            Locale.ROOT,
                            "%s is %s. Received: %d bytes. Allowed: %d, for %d records of %d bytes. Download it again.",
                            file,
                            kind,
                            size,
                            expected,
                            records,
                            RECORD));
        }
    }

    private static void readRecords(
            Path file, int first, int records, ByteBuffer pixels, int[] labels) {
        ByteBuffer record = ByteBuffer.allocateDirect(RECORD);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            for (int i = 0; i < records; i++) {
                record.clear();
                while (record.hasRemaining()) {
                    if (channel.read(record) < 0) {
                        throw new UserException(file + " was truncated while being read.");
                    }
                }
                int label = record.flip().get() & 0xff;
                if (label >= CLASSES) {
                    throw new UserException(
                            String.format(
                                    Locale.ROOT,
                                    "%s has an invalid label in record %d. Received: %d. Allowed: 0 to %d. The file is"
                                            + " damaged or not CIFAR-10. Download it again.",
                                    file,
                                    i,
                                    label,
                                    CLASSES - 1));
                }
                labels[first + i] = label;
                pixels.put(record);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be read: " + e, e);
        }
    }

    /**
     * Returns the pixels.
     *
     * @return the pixels (N, 3, 32, 32), unsigned bytes, in a direct buffer from position 0
     */
    public ByteBuffer pixels() {
        return pixels.duplicate();
    }

    /**
     * Returns the labels.
     *
     * @return a copy of the N labels, each 0 to 9
     */
    public int[] labels() {
        return labels.clone();
    }
}
