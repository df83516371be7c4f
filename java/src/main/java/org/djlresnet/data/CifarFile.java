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
 * Files in CIFAR-10's binary layout: records of one label byte, 0 to 9, and 3·32·32 pixel bytes,
 * the red, green and blue planes one after another, each in row-major order.
 *
 * <p>The files have no header, so only their size shows whether they are complete.
 *
 * <p>Source: <a href="https://www.cs.toronto.edu/~kriz/cifar.html">the CIFAR-10 data set</a>.
 *
 * @param pixels the pixels (N, 3, 32, 32), unsigned bytes, in a direct buffer from position 0
 * @param labels the N labels, each 0 to 9
 */
public record CifarFile(ByteBuffer pixels, int[] labels) {

    static final int CHANNELS = 3;
    static final int SIDE = 32;

    /** The number of classes. */
    public static final int CLASSES = 10;

    /** Bytes in an image. */
    public static final int PIXELS = CHANNELS * SIDE * SIDE;

    /** Bytes in a record. */
    public static final int RECORD = 1 + PIXELS;

    /**
     * Reads files and concatenates their records.
     *
     * @param files one or more files
     * @param records the number of records in each file
     * @return the images and labels of all files, in this order
     * @throws UserException if a file is missing, has another size or holds a label above 9
     * @throws UncheckedIOException if one cannot be read for another reason
     */
    public static CifarFile read(List<Path> files, int records) {
        ByteBuffer pixels = ByteBuffer.allocateDirect(files.size() * records * PIXELS);
        int[] labels = new int[files.size() * records];
        int done = 0;
        for (Path file : files) {
            byte[] content = read(file, records * RECORD);
            for (int at = 0; at < content.length; at += RECORD) {
                int label = content[at] & 0xff;
                if (label >= CLASSES) {
                    throw UserException.of(
                            "%s has an invalid label in record %d. Received: %d. Allowed: 0 to %d."
                                    + " The file is damaged or not CIFAR-10. Download it again.",
                            file, at / RECORD, label, CLASSES - 1);
                }
                labels[done++] = label;
                pixels.put(content, at + 1, PIXELS);
            }
        }
        return new CifarFile(pixels.flip(), labels);
    }

    private static byte[] read(Path file, int expected) {
        InputFile.requireRegular(file);
        try (InputStream in = Files.newInputStream(file)) {
            byte[] content = in.readNBytes(expected + 1);
            InputFile.rejectLfsPointer(file, content);
            if (content.length != expected) {
                String kind = content.length > expected ? "too long" : "truncated";
                throw UserException.of(
                        "%s is %s. Received: %d bytes. Allowed: %d, for %d records of %d bytes."
                                + " Download it again.",
                        file, kind, Files.size(file), expected, expected / RECORD, RECORD);
            }
            return content;
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be read: " + e, e);
        }
    }
}
