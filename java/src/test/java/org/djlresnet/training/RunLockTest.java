package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
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
            try (RunLock lock = RunLock.take(Path.of(arguments[0]))) {
                lock.confirm();
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

    private static String lostMessage(RunLock lock) {
        String message = assertThrows(IOException.class, lock::confirm).getMessage();
        assertTrue(lock.isLost());
        return message;
    }

    @Test
    void rejectsASecondRunAndNamesTheOwner() throws IOException {
        Path link = Files.createSymbolicLink(dir.resolve("link"), dir);
        String owner = "process " + ProcessHandle.current().pid() + " on ";
        try (RunLock lock = RunLock.take(dir)) {
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
            lock.confirm();
        }
        assertEquals("taken", anotherProcess(dir));
        RunLock.take(dir).close();
    }

    @Test
    void ownerStopsAfterAnotherRunHasTakenTheFolder() throws IOException {
        assumeTrue(File.separatorChar == '/', "only POSIX releases locks after a copy");
        try (RunLock lock = RunLock.take(dir)) {
            Files.readAllBytes(dir.resolve(RunLock.NAME)); // as when the process copies the folder
            lock.confirm();
            assertEquals("taken", anotherProcess(dir));
            String message = lostMessage(lock);
            assertTrue(
                    message.startsWith("another run has taken over the run folder " + dir),
                    message);
            assertTrue(message.contains(": process "), message);
        }
    }

    @Test
    void ownerStopsAfterItsFileWasRemoved() throws IOException {
        Path file = dir.resolve(RunLock.NAME);
        try (RunLock lock = RunLock.take(dir)) {
            Files.delete(file);
            assertTrue(lostMessage(lock).startsWith(file + " was removed"));
            assertEquals("taken", anotherProcess(dir));
            assertTrue(lostMessage(lock).contains("another run has taken"));
        }
    }

    @Test
    void ownerStopsAfterItsFileWasReplaced() throws IOException {
        Path file = dir.resolve(RunLock.NAME);
        try (RunLock lock = RunLock.take(dir)) {
            Path copy = Files.copy(file, dir.resolve("copy"));
            Files.move(copy, file, StandardCopyOption.REPLACE_EXISTING);
            assertTrue(lostMessage(lock).contains("another run has taken"));
        }
        assertEquals("taken", anotherProcess(dir));
    }

    @Test
    void ownerStopsAfterItsFolderWasMoved() throws IOException {
        Path run = Files.createDirectory(dir.resolve("run"));
        try (RunLock lock = RunLock.take(run)) {
            Files.move(run, dir.resolve("moved"));
            assertTrue(lostMessage(lock).contains(run.toString()));
            Files.createDirectory(run);
            assertEquals("taken", anotherProcess(run));
            byte[] others = Files.readAllBytes(run.resolve(RunLock.NAME));
            assertTrue(lostMessage(lock).contains("has taken over the run folder " + run));
            assertArrayEquals(others, Files.readAllBytes(run.resolve(RunLock.NAME)));
        }
    }
}
