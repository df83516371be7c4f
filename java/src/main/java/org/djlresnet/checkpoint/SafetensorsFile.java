package org.djlresnet.checkpoint;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import org.djlresnet.AtomicFile;
import org.djlresnet.InputFile;
import org.djlresnet.UserException;

/**
 * A safetensors file: named tensors and a few strings, no code.
 *
 * <p>{@link #read} checks the header before it reads any tensor: JSON, types, shapes, offsets and
 * the length of the file. The file stays open, so the tensors always belong to the header, even if
 * another file is renamed to its path. Close it after use.
 *
 * <p>{@link #write} adds a checksum of the whole file, metadata included. Other readers ignore it;
 * {@link #verify} checks it.
 */
public final class SafetensorsFile implements AutoCloseable {

    /**
     * The metadata key of the checksum: {@code crc32c:} and 8 hex digits, the CRC-32C of the file
     * with zeros in place of these digits.
     */
    public static final String CHECKSUM = "checksum";

    private static final String NO_DIGITS = "00000000";

    /** The start of the header, up to the digits, whose fixed position lets readers find them. */
    private static final String BEFORE_DIGITS = "{\"__metadata__\":{\"checksum\":\"crc32c:";

    private static final int LENGTH = 8;
    private static final int DIGITS_AT = LENGTH + BEFORE_DIGITS.length();

    /**
     * Thirty times the header of the deepest network. A parsed header takes ten times the memory of
     * its text.
     */
    private static final long LONGEST_HEADER = 10_000_000;

    private static final int LONGEST_REASON = 500;
    private static final int CHUNK = 1 << 20;

    private final Path path;
    private final FileChannel channel;
    private final long dataStart;
    private final SafetensorsHeader header;

    private SafetensorsFile(Path path, FileChannel channel) throws IOException {
        this.path = path;
        this.channel = channel;
        long size = channel.size();
        if (size < LENGTH) {
            throw bad("it has %s bytes, at least 8 are needed".formatted(size));
        }
        long length = read(0, LENGTH).getLong();
        long most = Math.min(size - LENGTH, LONGEST_HEADER);
        if (length < 2 || length > most) {
            boolean cut =
                    2 <= length
                            && length <= LONGEST_HEADER
                            && (size == LENGTH || read(LENGTH, 1).get() == '{');
            throw bad(cut ? "it is truncated" : "");
        }
        dataStart = LENGTH + length;
        String json = StandardCharsets.UTF_8.decode(read(LENGTH, (int) length)).toString();
        try {
            header = SafetensorsHeader.parse(json, size - dataStart);
        } catch (UserException unfit) {
            throw bad(unfit.getMessage());
        } catch (RuntimeException malformed) {
            throw bad("its header is not a JSON object of tensors");
        }
    }

    /**
     * Opens a file and checks its header; no tensor is read yet.
     *
     * @param file a safetensors file
     * @return the open file
     * @throws UserException if it is missing or not a valid safetensors file; the message says why
     * @throws UncheckedIOException if it cannot be read for another reason
     */
    public static SafetensorsFile read(Path file) {
        InputFile.requireRegular(file);
        try {
            FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
            try {
                return new SafetensorsFile(file, channel);
            } catch (IOException | RuntimeException failure) {
                channel.close();
                throw failure;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be read: " + e, e);
        }
    }

    private UserException bad(String reason) throws IOException {
        String foreign = ForeignFile.describe(path);
        if (foreign != null) {
            return new UserException(path + " is " + foreign);
        }
        // names come from the file, so strip control characters and limit the length
        String shown = reason.replaceAll("\\p{Cntrl}", "?");
        if (shown.length() > LONGEST_REASON) {
            shown = shown.substring(0, LONGEST_REASON) + "…";
        }
        return new UserException(
                path
                        + (reason.isEmpty()
                                ? " is not a safetensors file."
                                : " is not a valid safetensors file: " + shown + "."));
    }

    private ByteBuffer read(long start, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocateDirect(length).order(ByteOrder.LITTLE_ENDIAN);
        readInto(start, bytes);
        return bytes;
    }

    private void readInto(long start, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            if (channel.read(bytes, start + bytes.position()) < 0) {
                throw bad("it was truncated while being read");
            }
        }
        bytes.flip();
    }

    /**
     * Writes a file atomically. Tensors with larger elements come first, so that each is aligned;
     * otherwise their order is kept.
     *
     * @param file the file; an existing one is replaced
     * @param metadata strings by key; the key {@link #CHECKSUM} is added
     * @param tensors tensors with different names, at most 2^31-1 bytes each
     * @throws IOException if the file cannot be written; an existing file is unchanged
     * @throws IllegalArgumentException if the header is longer than readers accept
     */
    public static void write(Path file, Map<String, String> metadata, List<Tensor> tensors)
            throws IOException {
        List<Tensor> sorted = new ArrayList<>(tensors);
        sorted.sort(Comparator.comparingInt(tensor -> -tensor.dtype().bytes()));
        Map<String, TensorInfo> infos = new LinkedHashMap<>();
        long at = 0;
        for (Tensor tensor : sorted) {
            long end = at + tensor.data().remaining();
            infos.put(
                    tensor.name(),
                    new TensorInfo(tensor.name(), tensor.dtype(), tensor.shape(), at, end));
            at = end;
        }
        Map<String, String> withChecksum = new LinkedHashMap<>();
        withChecksum.put(CHECKSUM, "crc32c:" + NO_DIGITS);
        withChecksum.putAll(metadata);
        byte[] json = new SafetensorsHeader(withChecksum, infos).toBytes();
        if (json.length > LONGEST_HEADER) {
            throw new IllegalArgumentException(
                    "The header takes %s bytes, but readers accept at most %s. Shorten the metadata."
                            .formatted(json.length, LONGEST_HEADER));
        }
        ByteBuffer start = ByteBuffer.allocate(LENGTH + json.length).order(ByteOrder.LITTLE_ENDIAN);
        start.putLong(json.length).put(json).flip();
        CRC32C checksum = new CRC32C();
        checksum.update(start.duplicate());
        sorted.forEach(tensor -> checksum.update(tensor.data().duplicate()));
        start.put(DIGITS_AT, digits(checksum).getBytes(US_ASCII));
        AtomicFile.write(
                file,
                channel -> {
                    writeFully(channel, start);
                    for (Tensor tensor : sorted) {
                        writeFully(channel, tensor.data().duplicate());
                    }
                });
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    private static String digits(CRC32C checksum) {
        return "%08x".formatted(checksum.getValue());
    }

    /**
     * Returns the metadata.
     *
     * @return the metadata, including the checksum; unmodifiable
     */
    public Map<String, String> metadata() {
        return Collections.unmodifiableMap(header.metadata());
    }

    /**
     * Returns the tensors' entries.
     *
     * @return the entries by name, in the order of the header; unmodifiable
     */
    public Map<String, TensorInfo> tensors() {
        return Collections.unmodifiableMap(header.tensors());
    }

    /**
     * Reads one tensor.
     *
     * @param name one of {@link #tensors}
     * @return its elements, row-major, in a new direct buffer in little-endian order
     * @throws UserException if it exceeds 2^31-1 bytes, or the file was truncated meanwhile
     * @throws UncheckedIOException if it cannot be read for another reason
     */
    public ByteBuffer data(String name) {
        TensorInfo tensor = header.tensors().get(name);
        long length = tensor.end() - tensor.begin();
        if (length > Integer.MAX_VALUE) {
            throw new UserException(
                    "Tensor '%2$s' of %1$s takes %3$s bytes. At most %4$s are supported."
                            .formatted(path, name, length, Integer.MAX_VALUE));
        }
        try {
            return read(dataStart + tensor.begin(), (int) length);
        } catch (IOException e) {
            throw new UncheckedIOException(path + " cannot be read: " + e, e);
        }
    }

    /**
     * Compares the file with the checksum in its metadata.
     *
     * @return whether there is a checksum; files of other programs have none
     * @throws UserException if the file is damaged, or {@link #write} did not make its checksum
     * @throws UncheckedIOException if it cannot be read for another reason
     */
    public boolean verify() {
        if (!header.metadata().containsKey(CHECKSUM)) {
            return false;
        }
        try {
            long size = channel.size();
            byte[] start = new byte[(int) Math.min(DIGITS_AT + NO_DIGITS.length(), size)];
            read(0, start.length).get(start);
            String text = new String(start, ISO_8859_1);
            if (!text.startsWith(BEFORE_DIGITS, LENGTH)) {
                throw new UserException(
                        path
                                + " does not begin with its checksum: it is damaged, or another"
                                + " program wrote it. Use another copy.");
            }
            CRC32C checksum = new CRC32C();
            checksum.update(start, 0, DIGITS_AT);
            checksum.update(NO_DIGITS.getBytes(US_ASCII));
            ByteBuffer chunk = ByteBuffer.allocateDirect((int) Math.min(CHUNK, size));
            for (long at = start.length; at < size; at += CHUNK) {
                readInto(at, chunk.clear().limit((int) Math.min(chunk.capacity(), size - at)));
                checksum.update(chunk);
            }
            String recorded = text.substring(DIGITS_AT);
            if (!recorded.equals(digits(checksum))) {
                throw new UserException(
                        "%s is damaged: its checksum is %s, but %s is recorded. Use another copy."
                                .formatted(
                                        path,
                                        digits(checksum),
                                        recorded.replaceAll("[^0-9a-zA-Z]", "?")));
            }
            return true;
        } catch (IOException e) {
            throw new UncheckedIOException(path + " cannot be read: " + e, e);
        }
    }

    /** Closes the file; buffers that {@link #data} returned remain valid. */
    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            return; // the file was only read, so nothing can be lost
        }
    }
}
