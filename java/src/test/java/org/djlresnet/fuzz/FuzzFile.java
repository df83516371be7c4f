package org.djlresnet.fuzz;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Function;
import java.util.zip.GZIPOutputStream;
import org.djlresnet.UserException;

/** One file of any content, written anew for each input of a fuzz test. */
final class FuzzFile {

    private static final int LONGEST_MESSAGE = 2000;

    private final Path path;

    FuzzFile(String name) {
        try {
            path = Files.createTempDirectory("fuzz").resolve(name);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        // Deleted in the reverse order: the file, then its folder
        path.getParent().toFile().deleteOnExit();
        path.toFile().deleteOnExit();
    }

    Path write(byte[] content) {
        try {
            return Files.write(path, content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Path path() {
        return path;
    }

    /**
     * @return what a reader makes of the content, or null if it refuses it with a message that
     *     begins with the file
     */
    <T> T readOrRefused(byte[] content, Function<Path, T> reader) {
        write(content);
        return readOrRefused(reader);
    }

    <T> T readOrRefused(Function<Path, T> reader) {
        try {
            return reader.apply(path);
        } catch (UserException refused) {
            String message = refused.getMessage();
            assertTrue(message.startsWith(path.toString()), message);
            assertTrue(message.length() < LONGEST_MESSAGE, message);
            return null;
        }
    }

    static byte[] gzip(byte[] content) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
            gzip.write(content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }
}
