package org.djlresnet.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.djlresnet.UserException;

/**
 * Files of CIFAR-10's binary layout: records of one label byte, 0 to 9, and 3·32·32 pixel bytes,
 * red, green and blue plane after each other, each row by row.
 *
 * <p>No file has a header, so its size is all that tells whether it is whole: the sizes of all
 * files are checked before memory is taken.
 *
 * <p>Source: <a href="https://www.cs.toronto.edu/~kriz/cifar.html">the CIFAR-10 data set</a>.
 */
public final class CifarFile {

    static final int CHANNELS = 3;
    static final int SIDE = 32;

    /** How many labels there are. */
    public static final int CLASSES = 10;

    /** Bytes of a picture. */
    public static final int PIXELS = CHANNELS * SIDE * SIDE;

    /** Bytes of a record. */
    public static final int RECORD = 1 + PIXELS;

    private final ByteBuffer pixels;
    private final int[] labels;

    private CifarFile(ByteBuffer pixels, int[] labels) {
        this.pixels = pixels;
        this.labels = labels;
    }

    /**
     * Reads files that follow each other.
     *
     * @param files one or more files
     * @param records how many records each of them holds
     * @return the pictures and labels of all, in this order
     * @throws UserException if a file is missing, of another size than {@code records} take, or
     *     holds a label above 9; or if all pictures take more than 2^31-1 bytes
     * @throws UncheckedIOException if one cannot be read for another reason
     */
    public static CifarFile read(List<Path> files, int records) {
        long total = (long) files.size() * records * PIXELS;
        if (total > Integer.MAX_VALUE) {
            throw new UserException(
                    "%d files of %d pictures take %d bytes, at most %d are supported"
                            .formatted(files.size(), records, total, Integer.MAX_VALUE));
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
        if (!Files.isRegularFile(file)) {
            throw new UserException(
                    file + (Files.exists(file) ? ": not a regular file" : ": no such file"));
        }
        long expected = (long) records * RECORD;
        long size;
        try {
            size = Files.size(file);
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read: " + e, e);
        }
        if (size != expected) {
            String kind = size == 0 ? "empty" : size < expected ? "truncated" : "too long";
            throw new UserException(
                    "%s: %s: %d records of %d bytes take %d bytes, received %d; fetch it again"
                            .formatted(file, kind, records, RECORD, expected, size));
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
                        throw new UserException(
                                file + ": truncated, it became shorter while it was read");
                    }
                }
                int label = record.flip().get() & 0xff;
                if (label >= CLASSES) {
                    throw new UserException(
                            ("%s: record %d has the label %d; it must be 0 to %d, so the file is"
                                            + " damaged or none of CIFAR-10: fetch it again")
                                    .formatted(file, i, label, CLASSES - 1));
                }
                labels[first + i] = label;
                pixels.put(record);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read: " + e, e);
        }
    }

    /**
     * @return the pixels (N, 3, 32, 32), unsigned bytes, in a direct buffer from position 0
     */
    public ByteBuffer pixels() {
        return pixels.duplicate();
    }

    /**
     * @return a copy of the N labels, each 0 to 9
     */
    public int[] labels() {
        return labels.clone();
    }
}
