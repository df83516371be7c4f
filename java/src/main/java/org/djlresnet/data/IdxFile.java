package org.djlresnet.data;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;
import org.djlresnet.InputFile;
import org.djlresnet.UserException;

/**
 * An IDX file of unsigned bytes, compressed with gzip or not: images (N, H, W) or labels (N).
 *
 * <p>The format: big-endian int32 magic number, N, for images also H and W; then the bytes. The
 * content, not the name, shows whether a file is compressed.
 *
 * <p>A damaged header wastes no memory: a file that declares more data than it can hold is rejected
 * immediately, and a gzip file that declares more than 64 MiB is first decompressed only to count
 * its bytes.
 *
 * <p>Source: <a href="https://github.com/zalandoresearch/fashion-mnist">Fashion-MNIST</a>, which
 * uses MNIST's format.
 */
public final class IdxFile {

    static final int IMAGES = 2051;
    static final int LABELS = 2049;

    private static final int GZIP = 0x1f8b;

    /** Declared sizes up to this limit are allocated before the content is counted. */
    private static final int UNCOUNTED = 64 << 20;

    /** The highest compression ratio of gzip: two bits for 258 bytes (RFC 1951). */
    private static final long MAX_RATIO = 1032;

    private static final int CHUNK = 1 << 16;

    private final ByteBuffer data;
    private final int[] lengths;
    private final String md5;

    private IdxFile(ByteBuffer data, int[] lengths, String md5) {
        this.data = data;
        this.lengths = lengths;
        this.md5 = md5;
    }

    /**
     * Reads a file of images.
     *
     * @param file an IDX file with magic number 2051
     * @return its images (N, H, W)
     * @throws UserException if the file is missing, truncated, damaged or not an IDX file of
     *     images, or holds no images or more than 2^31-1 bytes
     * @throws UncheckedIOException if it cannot be read for another reason
     */
    public static IdxFile readImages(Path file) {
        return read(file, IMAGES, 3);
    }

    /**
     * Reads a file of labels.
     *
     * @param file an IDX file with magic number 2049
     * @return its labels (N)
     * @throws UserException as {@link #readImages}
     * @throws UncheckedIOException if it cannot be read for another reason
     */
    public static IdxFile readLabels(Path file) {
        return read(file, LABELS, 1);
    }

    private static IdxFile read(Path file, int magic, int rank) {
        InputFile.requireRegular(file);
        MessageDigest digest = newMd5();
        int[] lengths = new int[rank];
        int header = Integer.BYTES * (1 + rank);
        try (InputStream content = open(file);
                DataInputStream in = new DataInputStream(new DigestInputStream(content, digest))) {
            boolean compressed = content instanceof GZIPInputStream;
            int total = readHeader(file, in, magic, lengths, compressed);
            long possible = compressed ? MAX_RATIO * Files.size(file) : Files.size(file) - header;
            if (total > possible) {
                throw truncated(file, total, "at most " + possible);
            }
            if (compressed && total > UNCOUNTED) {
                try (InputStream counted = open(file)) {
                    counted.skipNBytes(header);
                    copy(file, counted, total, null);
                }
            }
            ByteBuffer data = ByteBuffer.allocateDirect(total);
            copy(file, in, total, data);
            return new IdxFile(data.flip(), lengths, HexFormat.of().formatHex(digest.digest()));
        } catch (EOFException e) {
            throw new UserException(file + " is truncated. Download it again.", e);
        } catch (ZipException e) {
            throw new UserException(
                    String.format(
                            Locale.ROOT,
                            "%s is a damaged gzip file: %s. Download it again.",
                            file,
                            e.getMessage()),
                    e);
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be read: " + e, e);
        }
    }

    /** Opens a file's content, decompressing gzip. */
    private static InputStream open(Path file) throws IOException {
        InputStream raw = new BufferedInputStream(Files.newInputStream(file), CHUNK);
        try {
            raw.mark(Integer.BYTES);
            int start = raw.read() << 8 | raw.read();
            raw.reset();
            return start == GZIP ? new GZIPInputStream(raw, CHUNK) : raw;
        } catch (IOException | RuntimeException failure) {
            raw.close();
            throw failure;
        }
    }

    private static int readHeader(
            Path file, DataInputStream in, int magic, int[] lengths, boolean compressed)
            throws IOException {
        int received = in.readInt();
        if (received != magic) {
            throw notIdx(file, magic, received, compressed);
        }
        long total = 1;
        for (int i = 0; i < lengths.length; i++) {
            lengths[i] = in.readInt();
            if (lengths[i] < 1) {
                throw UserException.of(
                        "%s has an invalid length for dimension %d in its header. Received: %d. Allowed: 1 or more.",
                        file, i, lengths[i]);
            }
            total *= lengths[i];
            if (total > Integer.MAX_VALUE) {
                throw UserException.of(
                        "%s declares more than %d bytes in its header, which is not supported.",
                        file, Integer.MAX_VALUE);
            }
        }
        return (int) total;
    }

    private static UserException notIdx(Path file, int magic, int received, boolean compressed)
            throws IOException {
        if (compressed && received >>> 16 == GZIP) {
            return new UserException(
                    file + " is a gzip file inside another gzip file. Decompress it once.");
        }
        if (!compressed) {
            try (InputStream in = Files.newInputStream(file)) {
                InputFile.rejectLfsPointer(file, in.readNBytes(64));
            }
        }
        return UserException.of(
                "%s is not an IDX file of %s. Received: magic number %d. Allowed: %d.",
                file, magic == IMAGES ? "images" : "labels", received, magic);
    }

    private static UserException truncated(Path file, int total, String received) {
        return UserException.of(
                "%s is truncated: its header declares %d bytes. Received: %s. Download it again.",
                file, total, received);
    }

    /** Reads all the data, into a buffer or, if it is null, only to count them. */
    private static void copy(Path file, InputStream in, int total, ByteBuffer data)
            throws IOException {
        byte[] chunk = new byte[CHUNK];
        int done = 0;
        while (done < total) {
            int got = in.read(chunk, 0, Math.min(CHUNK, total - done));
            if (got < 0) {
                throw truncated(file, total, Integer.toString(done));
            }
            if (data != null) {
                data.put(chunk, 0, got);
            }
            done += got;
        }
        if (in.read() >= 0) {
            throw UserException.of(
                    "%s holds more than the %d bytes that its header declares. Download it again.",
                    file, total);
        }
    }

    private static MessageDigest newMd5() {
        try {
            return MessageDigest.getInstance("MD5");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java has MD5", e);
        }
    }

    /**
     * Returns the content.
     *
     * @return the N·H·W pixels or N labels, unsigned bytes, in a direct buffer from position 0
     */
    public ByteBuffer data() {
        return data.duplicate();
    }

    /**
     * Returns the content as integers.
     *
     * @return the labels or pixels, each 0 to 255
     */
    public int[] toIntArray() {
        int[] values = new int[data.limit()];
        for (int i = 0; i < values.length; i++) {
            values[i] = data.get(i) & 0xff;
        }
        return values;
    }

    /**
     * Returns the number of images or labels.
     *
     * @return N
     */
    public int count() {
        return lengths[0];
    }

    /**
     * Returns the images' height.
     *
     * @return H in pixels; 1 for labels
     */
    public int height() {
        return lengths.length == 1 ? 1 : lengths[1];
    }

    /**
     * Returns the images' width.
     *
     * @return W in pixels; 1 for labels
     */
    public int width() {
        return lengths.length == 1 ? 1 : lengths[2];
    }

    /**
     * Returns a checksum of the decompressed file, header included.
     *
     * @return the MD5 sum, 32 lower-case hexadecimal digits
     */
    public String md5() {
        return md5;
    }
}
