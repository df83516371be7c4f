package org.djlresnet;

import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;

/** Writes files atomically: at every moment a file has either its old or its new content. */
public final class AtomicFile {

    private static final AtomicLong COUNT = new AtomicLong();

    private AtomicFile() {}

    /** Writes the content of a file. */
    @FunctionalInterface
    public interface Content {
        /**
         * Writes the content.
         *
         * @param channel open for writing, at position 0
         * @throws IOException if writing fails
         */
        void writeTo(FileChannel channel) throws IOException;
    }

    /**
     * Writes a file: to a temporary file in the same folder, which is flushed to disk and renamed.
     * On failure the temporary file is deleted and the given one is unchanged. A process killed
     * during the write leaves {@code .NAME.PID-N.tmp}.
     *
     * @param file the file; replaced if it exists
     * @param content writes the content
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
                    String.format(
                            Locale.ROOT,
                            "%s cannot be written: %s. Check that its folder exists, is writable and has free space.",
                            file,
                            reason(e)),
                    e);
        } finally {
            Files.deleteIfExists(temporary);
        }
        flushFolder(target.getParent());
    }

    /**
     * Describes why a file operation failed, without a full stop. Java's own messages are the
     * file's name alone where the class of the exception is the reason.
     *
     * @param failure the failure
     * @return the reason, for use in a message
     */
    public static String reason(IOException failure) {
        if (failure instanceof NoSuchFileException missing) {
            return missing.getFile() + " does not exist";
        }
        if (failure instanceof AccessDeniedException denied) {
            return denied.getFile() + ": permission denied";
        }
        String message = failure.getMessage();
        if (message == null || failure.getClass() == FileAlreadyExistsException.class) {
            return failure.toString();
        }
        return message.endsWith(".") ? message.substring(0, message.length() - 1) : message;
    }

    /**
     * Names a temporary file or folder in the folder of another, {@code .NAME.PID-N.tmp}. Unlike
     * Java's own temporary files, it gets the usual permissions.
     *
     * @param target an absolute path
     * @return a path that is unique in this process
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
     * Writes a text file, as {@link #write(Path, Content)}.
     *
     * @param file the file; replaced if it exists
     * @param text its content, encoded in UTF-8
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
     * Makes renames in a folder durable, if the system allows it.
     *
     * @param folder the folder
     * @throws IOException if it cannot be flushed
     */
    public static void flushFolder(Path folder) throws IOException {
        if (File.separatorChar == '\\') {
            // Windows cannot open folders, so there is nothing to flush
            return;
        }
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }
}
