package org.djlresnet.data;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.djlresnet.InputFile;
import org.djlresnet.UserException;

/**
 * Files in CIFAR's binary layout: records of one label byte (CIFAR-10) or two (CIFAR-100, coarse
 * and fine), and 3·32·32 pixel bytes, the red, green and blue planes one after another, each in
 * row-major order.
 *
 * <p>The files have no header, so only their size shows whether they are complete.
 *
 * <p>Source: <a href="https://www.cs.toronto.edu/~kriz/cifar.html">CIFAR-10 and CIFAR-100</a>.
 *
 * @param pixels the pixels (N, 3, 32, 32), unsigned bytes, in a direct buffer from position 0
 * @param labels the N labels, from 0
 */
public record CifarFile(ByteBuffer pixels, int[] labels) {

    static final int CHANNELS = 3;
    static final int SIDE = 32;

    /** The number of CIFAR-10's classes. */
    public static final int CLASSES = 10;

    /** Bytes in an image. */
    public static final int PIXELS = CHANNELS * SIDE * SIDE;

    /** Bytes in a record of CIFAR-10. */
    public static final int RECORD = 1 + PIXELS;

    /**
     * Reads files of CIFAR-10 and concatenates their records.
     *
     * @param files one or more files
     * @param records the number of records in each file
     * @return the images and labels of all files, in this order
     * @throws UserException if a file is missing, has another size or holds a label above 9
     * @throws UncheckedIOException if one cannot be read for another reason
     */
    public static CifarFile read(List<Path> files, int records) {
        return read(files, records, "CIFAR-10", 1, 0, CLASSES);
    }

    /**
     * Reads files and concatenates their records.
     *
     * @param files one or more files
     * @param records the number of records in each file
     * @param name the data set's name, for an error
     * @param labelBytes the number of label bytes in a record
     * @param labelAt the place of the label among them
     * @param classes the number of classes
     * @return the images and labels of all files, in this order
     * @throws UserException as {@link #read(List, int)}
     */
    static CifarFile read(
            List<Path> files, int records, String name, int labelBytes, int labelAt, int classes) {
        int record = labelBytes + PIXELS;
        ByteBuffer pixels = ByteBuffer.allocateDirect(files.size() * records * PIXELS);
        int[] labels = new int[files.size() * records];
        int done = 0;
        for (Path file : files) {
            byte[] content = read(file, records, record);
            for (int at = 0; at < content.length; at += record) {
                int label = content[at + labelAt] & 0xff;
                if (label >= classes) {
                    throw UserException.of(
                            "%s has an invalid label in record %d. Received: %d. Allowed: 0 to %d."
                                    + " The file is damaged or not %s. Download it again.",
                            file, at / record, label, classes - 1, name);
                }
                labels[done++] = label;
                pixels.put(content, at + labelBytes, PIXELS);
            }
        }
        return new CifarFile(pixels.flip(), labels);
    }

    private static byte[] read(Path file, int records, int record) {
        int expected = records * record;
        InputFile.requireRegular(file);
        try (InputStream in = Files.newInputStream(file)) {
            byte[] content = in.readNBytes(expected + 1);
            InputFile.rejectLfsPointer(file, content);
            if (content.length != expected) {
                String kind = content.length > expected ? "too long" : "truncated";
                throw UserException.of(
                        "%s is %s. Received: %d bytes. Allowed: %d, for %d records of %d bytes."
                                + " Download it again.",
                        file, kind, Files.size(file), expected, records, record);
            }
            return content;
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be read: " + e, e);
        }
    }
}
