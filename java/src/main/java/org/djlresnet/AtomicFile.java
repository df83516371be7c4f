package org.djlresnet;

import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicLong;

/** Writes a file so that at every moment either the old content or the new one is there, whole. */
public final class AtomicFile {

    private static final AtomicLong COUNT = new AtomicLong();

    private AtomicFile() {}

    /** Writes the content of a file. */
    @FunctionalInterface
    public interface Content {
        /**
         * @param channel open for writing, at position 0
         * @throws IOException if writing fails
         */
        void writeTo(FileChannel channel) throws IOException;
    }

    /**
     * Writes to a temporary file beside the given one, flushes it to the disk, renames it, and
     * flushes the folder where the system can. On failure the temporary file is removed and the
     * given one is as it was. A process that is killed meanwhile leaves {@code .NAME.PID-N.tmp}.
     *
     * @param file what to write; replaced if it exists
     * @param content writes it
     * @throws IOException if it cannot be written; the message names the file
     */
    public static void write(Path file, Content content) throws IOException {
        Path target = file.toAbsolutePath();
        Path temporary = temporaryBeside(target);
        try {
            try (FileChannel channel =
                    FileChannel.open(
                            temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                content.writeTo(channel);
                channel.force(true);
            }
            Files.move(
                    temporary,
                    target,
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new IOException(
                    "%s cannot be written: %s; is the disk full, the folder gone or read-only?"
                            .formatted(file, e),
                    e);
        } finally {
            Files.deleteIfExists(temporary);
        }
        flushFolder(target.getParent());
    }

    /**
     * Names a temporary file or folder beside another, {@code .NAME.PID-N.tmp}. Those that Java
     * makes itself are for their owner alone.
     *
     * @param target an absolute path
     * @return a path that nothing else of this process has
     */
    public static Path temporaryBeside(Path target) {
        return target.resolveSibling(
                "."
                        + target.getFileName()
                        + "."
                        + ProcessHandle.current().pid()
                        + "-"
                        + COUNT.incrementAndGet()
                        + ".tmp");
    }

    /**
     * Writes a text, as {@link #write(Path, Content)}.
     *
     * @param file what to write; replaced if it exists
     * @param text its content, written in UTF-8
     * @throws IOException if it cannot be written; the message names the file
     */
    public static void write(Path file, String text) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        write(
                file,
                channel -> {
                    while (bytes.hasRemaining()) {
                        channel.write(bytes);
                    }
                });
    }

    /**
     * Makes renames in a folder last, where the system can.
     *
     * @param folder the folder
     * @throws IOException if it cannot be flushed
     */
    public static void flushFolder(Path folder) throws IOException {
        if (File.separatorChar == '\\') {
            // Windows cannot open folders; there the rename is as durable as it gets
            return;
        }
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }
}
