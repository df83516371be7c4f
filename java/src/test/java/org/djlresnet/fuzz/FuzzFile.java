package org.djlresnet.fuzz;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.zip.GZIPOutputStream;
import org.djlresnet.UserException;

/** A file that each input of a fuzz test overwrites, and the bounds on the cost of reading it. */
final class FuzzFile {

    private static final int MAX_MESSAGE = 2000;
    private static final int MAX_HEAP = 16 << 20;
    private static final int MAX_DIRECT = 1 << 20;

    private final Path path;

    FuzzFile(String name) {
        try {
            path = Files.createTempDirectory("fuzz").resolve(name);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        // deleted in reverse order: the file, then its folder
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
     * Reads content.
     *
     * @return the reader's result, or null if it rejects the content with a message that starts
     *     with the file
     */
    <T> T readOrReject(byte[] content, Function<Path, T> reader) {
        write(content);
        return readOrReject(reader);
    }

    <T> T readOrReject(Function<Path, T> reader) {
        try {
            return withinMemory(() -> reader.apply(path));
        } catch (UserException rejected) {
            String message = rejected.getMessage();
            assertTrue(message.startsWith(path.toString()), message);
            assertTrue(message.length() < MAX_MESSAGE, message);
            return null;
        }
    }

    /** Checks that reading a small input allocates little, whether it succeeds or fails. */
    static <T> T withinMemory(Supplier<T> reading) {
        Memory before = Memory.now();
        try {
            return reading.get();
        } finally {
            if (!before.isWithinBounds()) {
                // the first reading also loads and instruments classes
                before = Memory.now();
                try {
                    reading.get();
                } catch (UserException rejected) {
                    // as before
                }
                assertTrue(before.isWithinBounds(), before::toString);
            }
        }
    }

    private record Memory(long heap, long direct) {
        static Memory now() {
            ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            return new Memory(threads.getCurrentThreadAllocatedBytes(), directBytes());
        }

        boolean isWithinBounds() {
            Memory now = now();
            return now.heap - heap < MAX_HEAP && now.direct - direct < MAX_DIRECT;
        }
    }

    private static long directBytes() {
        return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(pool -> pool.getName().equals("direct"))
                .mapToLong(BufferPoolMXBean::getMemoryUsed)
                .sum();
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
