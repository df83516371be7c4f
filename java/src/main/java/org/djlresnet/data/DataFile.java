package org.djlresnet.data;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.djlresnet.UserException;

/** Rejects anything other than a data file, such as a folder or a Git LFS pointer. */
final class DataFile {

    private static final byte[] LFS_POINTER =
            "version https://git-lfs".getBytes(StandardCharsets.US_ASCII);

    private DataFile() {}

    /** Rejects missing files, folders, pipes and devices: reading a pipe could block forever. */
    static void requireRegular(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new UserException(
                    file
                            + (Files.exists(file)
                                    ? " is not a regular file."
                                    : " does not exist or is not accessible."));
        }
    }

    /** Rejects the pointer that Git LFS leaves in place of a file it has not fetched. */
    static void rejectLfsPointer(Path file, byte[] start) {
        for (int i = 0; i < LFS_POINTER.length; i++) {
            if (i >= start.length || start[i] != LFS_POINTER[i]) {
                return;
            }
        }
        throw new UserException(
                file + " is a Git LFS pointer, not the file itself. Fetch it with: git lfs pull");
    }
}
