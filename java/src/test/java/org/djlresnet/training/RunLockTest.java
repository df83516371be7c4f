package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class RunLockTest {

    @TempDir Path dir;

    /** Takes a folder's lock in a process of its own. */
    static final class Taker {
        private Taker() {}

        public static void main(String[] arguments) throws IOException {
            try {
                RunLock.take(Path.of(arguments[0])).close();
                System.out.println("taken");
            } catch (RunInUseException rejected) {
                System.out.println(rejected.getMessage());
            }
        }
    }

    /** Tries to take the lock in another process; returns "taken" or the error. */
    static String anotherProcess(Path folder) {
        try {
            Process process =
                    new ProcessBuilder(
                                    Path.of(System.getProperty("java.home"), "bin", "java")
                                            .toString(),
                                    "-cp",
                                    System.getProperty("java.class.path"),
                                    Taker.class.getName(),
                                    folder.toString())
                            .redirectError(ProcessBuilder.Redirect.INHERIT)
                            .start();
            byte[] output = process.getInputStream().readAllBytes();
            assertTrue(process.waitFor(60, TimeUnit.SECONDS));
            assertEquals(0, process.exitValue());
            return new String(output, StandardCharsets.UTF_8).strip();
        } catch (IOException | InterruptedException failure) {
            throw new AssertionError(failure);
        }
    }

    @Test
    void rejectsASecondRunAndNamesTheOwner() throws IOException {
        Path link = Files.createSymbolicLink(dir.resolve("link"), dir);
        String owner = "process " + ProcessHandle.current().pid() + " on ";
        RunLock lock = RunLock.take(dir);
        try (lock) {
            for (Path path : new Path[] {dir, link}) {
                String message =
                        assertThrows(RunInUseException.class, () -> RunLock.take(path))
                                .getMessage();
                assertTrue(
                        message.startsWith(
                                "The run folder "
                                        + path
                                        + " is being written by another run: "
                                        + owner),
                        message);
                assertTrue(message.endsWith("Wait for it to end, or stop it."), message);
            }
            // the rejections in this process must not have released the lock
            String message = anotherProcess(dir);
            assertTrue(message.contains("another run: " + owner), message);
        }
        assertEquals("taken", anotherProcess(dir));
        RunLock.take(dir).close();
    }
}
