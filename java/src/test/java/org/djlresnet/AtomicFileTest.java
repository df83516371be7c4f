package org.djlresnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {

    @TempDir Path dir;

    private static ByteBuffer bytes(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }

    private void assertAloneWith(Path file, String content) throws IOException {
        assertEquals(content, Files.readString(file));
        try (Stream<Path> files = Files.list(dir)) {
            assertEquals(1, files.count());
        }
    }

    @Test
    void oldContentStaysUntilNewIsComplete() throws IOException {
        Path file = Files.writeString(dir.resolve("file"), "old and longer");
        AtomicFile.write(
                file,
                channel -> {
                    channel.write(bytes("ne"));
                    assertEquals("old and longer", Files.readString(file));
                    channel.write(bytes("w"));
                });
        assertAloneWith(file, "new");
    }

    @Test
    void failureKeepsOldContent() throws IOException {
        Path file = Files.writeString(dir.resolve("file"), "old");
        IOException e =
                assertThrows(
                        IOException.class,
                        () ->
                                AtomicFile.write(
                                        file,
                                        channel -> {
                                            channel.write(bytes("half"));
                                            throw new IOException("No space left on device");
                                        }));
        assertTrue(e.getMessage().startsWith(file + " cannot be written: "), e.getMessage());
        assertTrue(e.getMessage().contains("No space left on device"), e.getMessage());
        assertThrows(
                IllegalStateException.class,
                () ->
                        AtomicFile.write(
                                file,
                                channel -> {
                                    throw new IllegalStateException();
                                }));
        assertAloneWith(file, "old");
    }

    @Test
    void rejectsMissingFolder() {
        Path file = dir.resolve("none/file");
        IOException e =
                assertThrows(IOException.class, () -> AtomicFile.write(file, channel -> {}));
        assertTrue(e.getMessage().startsWith(file + " cannot be written: "), e.getMessage());
    }

    @Test
    void filesHaveUsualPermissions() throws IOException {
        Path plain = Files.writeString(dir.resolve("plain"), "");
        Path file = dir.resolve("file");
        AtomicFile.write(file, channel -> {});
        if (dir.getFileSystem().supportedFileAttributeViews().contains("posix")) {
            assertEquals(Files.getPosixFilePermissions(plain), Files.getPosixFilePermissions(file));
        }
    }
}
