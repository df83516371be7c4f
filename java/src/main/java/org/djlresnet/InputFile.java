package org.djlresnet;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Opens files, and rejects what is no file with content, such as a folder or a Git LFS pointer. */
public final class InputFile {

    private InputFile() {}

    /**
     * Rejects missing files, folders, pipes and devices: reading a pipe could block forever.
     *
     * @param file the file
     * @throws UserException if it is not a regular file
     */
    public static void requireRegular(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new UserException(
                    file
                            + (Files.exists(file)
                                    ? " is not a regular file."
                                    : " does not exist or is not accessible."));
        }
    }

    /**
     * Rejects folders, pipes and devices, but not a file that is still to be created.
     *
     * @param file the file
     * @throws UserException if something other than a regular file has its name
     */
    public static void requireNoPipe(Path file) {
        if (Files.exists(file)) {
            requireRegular(file);
        }
    }

    /**
     * Opens a file for locks, and creates it if it does not exist.
     *
     * @param file the file
     * @return a channel for reading and writing
     * @throws IOException if it cannot be opened
     * @throws UserException if something other than a regular file has its name
     */
    public static FileChannel openLock(Path file) throws IOException {
        requireNoPipe(file);
        return FileChannel.open(
                file,
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE,
                LinkOption.NOFOLLOW_LINKS);
    }

    /**
     * Rejects the pointer that Git LFS leaves in place of a file it has not fetched.
     *
     * @param file the file
     * @param start its first bytes, about 30 or more
     * @throws UserException if it is a pointer
     */
    public static void rejectLfsPointer(Path file, byte[] start) {
        String text = new String(start, StandardCharsets.ISO_8859_1);
        if (text.startsWith("version https://git-lfs")) {
            throw new UserException(
                    file
                            + " is a Git LFS pointer, not the file itself. Fetch it with: git lfs pull");
        }
    }
}
