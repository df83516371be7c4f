package org.djlresnet.data;

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
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;
import org.djlresnet.UserException;

/**
 * One gzip-compressed IDX file of unsigned bytes: images (N, H, W) or labels (N).
 *
 * <p>The format: big-endian int32 magic number, N, for images also H and W; then the bytes. Memory
 * is taken for what is really there: a file that announces more than its size could hold is refused
 * at once, one that announces more than 64 MiB is unpacked once to count them, and then the bytes
 * go where they stay. A file never costs more than it announces and than 1032 times its size.
 *
 * <p>Source: <a href="https://github.com/zalandoresearch/fashion-mnist">Fashion-MNIST</a>, which
 * has the format of MNIST.
 */
public final class IdxFile {

    static final int IMAGES = 2051;
    static final int LABELS = 2049;

    /** Up to here memory is taken before it is known whether the file holds what it announces. */
    private static final int UNCOUNTED = 64 << 20;

    /**
     * By how much gzip makes bytes fewer at the most: at best two bits stand for 258 bytes (RFC
     * 1951).
     */
    private static final long MOST_COMPRESSED = 1032;

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
     * @param file a gzip IDX file of magic number 2051
     * @return its images (N, H, W)
     * @throws UserException if the file is missing, not gzip, truncated, damaged, of another kind,
     *     holds no images or more than 2^31-1 bytes of them, or more than it announces
     * @throws UncheckedIOException if it cannot be read for another reason
     */
    public static IdxFile readImages(Path file) {
        return read(file, IMAGES, 3);
    }

    /**
     * Reads a file of labels.
     *
     * @param file a gzip IDX file of magic number 2049
     * @return its labels (N)
     * @throws UserException as {@link #readImages}
     * @throws UncheckedIOException if it cannot be read for another reason
     */
    public static IdxFile readLabels(Path file) {
        return read(file, LABELS, 1);
    }

    private static IdxFile read(Path file, int magic, int rank) {
        if (!Files.isRegularFile(file)) {
            throw new UserException(
                    file + (Files.exists(file) ? ": not a regular file" : ": no such file"));
        }
        MessageDigest digest = newMd5();
        int[] lengths = new int[rank];
        try (InputStream raw = Files.newInputStream(file);
                GZIPInputStream gzip = new GZIPInputStream(raw, CHUNK);
                DataInputStream in = new DataInputStream(new DigestInputStream(gzip, digest))) {
            int total = readHeader(file, in, magic, lengths);
            long possible = MOST_COMPRESSED * Files.size(file);
            if (total > possible) {
                throw new UserException(
                        "%s: truncated, the header announces %d bytes, a file of its size holds %d at the most; fetch it again"
                                .formatted(file, total, possible));
            }
            if (total > UNCOUNTED) {
                count(file, Integer.BYTES * (1L + rank), total);
            }
            ByteBuffer data = ByteBuffer.allocateDirect(total);
            unpack(file, in, total, data::put);
            return new IdxFile(data.flip(), lengths, HexFormat.of().formatHex(digest.digest()));
        } catch (EOFException e) {
            throw new UserException(
                    file + ": truncated, the file ends too early; fetch it again", e);
        } catch (ZipException e) {
            throw new UserException(
                    "%s: not a sound gzip file (%s); fetch it again"
                            .formatted(file, e.getMessage()),
                    e);
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read: " + e, e);
        }
    }

    private static int readHeader(Path file, DataInputStream in, int magic, int[] lengths)
            throws IOException {
        int received = in.readInt();
        if (received != magic) {
            String kind = magic == IMAGES ? "images" : "labels";
            throw new UserException(
                    "%s: not an IDX file of %s: the magic number must be %d, received %d"
                            .formatted(file, kind, magic, received));
        }
        long total = 1;
        for (int i = 0; i < lengths.length; i++) {
            lengths[i] = in.readInt();
            if (lengths[i] < 1) {
                throw new UserException(
                        "%s: the header announces a length of %d in dimension %d; it must be 1 or"
                                        .formatted(file, lengths[i], i)
                                + " more");
            }
            total *= lengths[i];
            if (total > Integer.MAX_VALUE) {
                throw new UserException(
                        "%s: the header announces more than %d bytes, which is not supported"
                                .formatted(file, Integer.MAX_VALUE));
            }
        }
        return (int) total;
    }

    /** Takes a part of the content: {@code length} bytes of the chunk from an offset on. */
    @FunctionalInterface
    private interface Sink {
        void put(byte[] chunk, int offset, int length);
    }

    /** Unpacks the whole file and keeps nothing, to know that it holds what it announces. */
    private static void count(Path file, long header, int total) throws IOException {
        try (InputStream raw = Files.newInputStream(file);
                InputStream in = new GZIPInputStream(raw, CHUNK)) {
            in.skipNBytes(header);
            unpack(file, in, total, (chunk, offset, length) -> {});
        }
    }

    private static void unpack(Path file, InputStream in, int total, Sink sink) throws IOException {
        byte[] chunk = new byte[CHUNK];
        int done = 0;
        while (done < total) {
            int got = in.read(chunk, 0, Math.min(CHUNK, total - done));
            if (got < 0) {
                throw new UserException(
                        "%s: truncated, the header announces %d bytes, received %d; fetch it again"
                                .formatted(file, total, done));
            }
            sink.put(chunk, 0, got);
            done += got;
        }
        if (in.read() >= 0) {
            throw new UserException(
                    "%s: holds more than the %d bytes its header announces; fetch it again"
                            .formatted(file, total));
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
     * @return the N·H·W pixels or N labels, unsigned bytes, in a direct buffer from position 0
     */
    public ByteBuffer data() {
        return data.duplicate();
    }

    /**
     * @return the labels as integers 0 to 255 (of a file of images: its pixels)
     */
    public int[] toIntArray() {
        int[] values = new int[data.limit()];
        for (int i = 0; i < values.length; i++) {
            values[i] = data.get(i) & 0xff;
        }
        return values;
    }

    /**
     * @return N
     */
    public int count() {
        return lengths[0];
    }

    /**
     * @return H in pixels; 1 for labels
     */
    public int height() {
        return lengths.length == 1 ? 1 : lengths[1];
    }

    /**
     * @return W in pixels; 1 for labels
     */
    public int width() {
        return lengths.length == 1 ? 1 : lengths[2];
    }

    /**
     * @return MD5 of the uncompressed content, 32 lower-case hexadecimal digits
     */
    public String md5() {
        return md5;
    }
}
