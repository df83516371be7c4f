package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
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
            } catch (RunInUseException refused) {
                System.out.println(refused.getMessage());
            }
        }
    }

    /** Looks in a process of its own whether the second of the two bytes is locked. */
    static final class SecondByte {
        private SecondByte() {}

        public static void main(String[] arguments) throws IOException {
            Path file = Path.of(arguments[0]).resolve(RunLock.NAME);
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                System.out.println(
                        channel.tryLock((1L << 40) + 1, 1, false) == null ? "locked" : "free");
            }
        }
    }

    /** Lets another process try for a moment; "taken", or why not. */
    static String anotherProcess(Path folder) {
        try {
            return told(Taker.class, folder);
        } catch (IOException | InterruptedException failure) {
            throw new AssertionError(failure);
        }
    }

    private static String told(Class<?> program, Path folder)
            throws IOException, InterruptedException {
        Process process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-cp",
                                System.getProperty("java.class.path"),
                                program.getName(),
                                folder.toString())
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
        String told =
                new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertTrue(process.waitFor(60, TimeUnit.SECONDS));
        assertEquals(0, process.exitValue());
        return told;
    }

    private void assertHeld() {
        String told = anotherProcess(dir);
        assertTrue(
                told.contains("another run: process " + ProcessHandle.current().pid() + " on "),
                told);
    }

    /** As one does that copies the folder: POSIX then releases the lock of this process. */
    private void copyWithinThisProcess() throws IOException {
        Files.readAllBytes(dir.resolve(RunLock.NAME));
    }

    @Test
    void aRefusalInTheSameProcessDoesNotFreeTheLock() throws IOException {
        Path other = Files.createSymbolicLink(dir.resolve("other"), dir);
        try (RunLock lock = RunLock.take(dir)) {
            for (Path path : new Path[] {dir, other}) {
                String message =
                        assertThrows(RunInUseException.class, () -> RunLock.take(path))
                                .getMessage();
                assertTrue(message.contains("process " + ProcessHandle.current().pid()), message);
            }
            assertHeld();
            lock.confirm();
            assertHeld();
        }
        assertEquals("taken", anotherProcess(dir));
        RunLock.take(dir).close();
    }

    @Test
    void aLockThatACopyTookIsTakenAgain() throws IOException, InterruptedException {
        try (RunLock lock = RunLock.take(dir)) {
            copyWithinThisProcess();
            if (File.separatorChar == '/') { // elsewhere locks outlive a copy
                assertEquals("free", told(SecondByte.class, dir));
            }
            lock.confirm();
            assertHeld();
            assertEquals("locked", told(SecondByte.class, dir));
            // and again, of the bytes that were locked anew
            copyWithinThisProcess();
            lock.confirm();
            assertHeld();
        }
        assertEquals("taken", anotherProcess(dir));
    }

    @Test
    void aLockThatAnotherRunHasTakenMeanwhileEndsItsHolder() throws IOException {
        try (RunLock lock = RunLock.take(dir)) {
            copyWithinThisProcess();
            assumeTrue(File.separatorChar == '/', "locks that outlive a copy");
            assertEquals("taken", anotherProcess(dir));
            String message = assertThrows(IOException.class, lock::confirm).getMessage();
            assertTrue(message.contains("another run has taken the run folder " + dir), message);
            assertTrue(message.contains("process "), message);
        }
    }

    @Test
    void aLockWhoseFileWasRemovedIsTakenAgain() throws IOException {
        try (RunLock lock = RunLock.take(dir)) {
            Files.delete(dir.resolve(RunLock.NAME));
            lock.confirm();
            assertHeld();
        }
        assertEquals("taken", anotherProcess(dir));
    }

    @Test
    void aLockWhoseFileACopyReplacedIsTakenAgain() throws IOException {
        try (RunLock lock = RunLock.take(dir)) {
            Path copy = Files.copy(dir.resolve(RunLock.NAME), dir.resolve("copy"));
            Files.move(copy, dir.resolve(RunLock.NAME), StandardCopyOption.REPLACE_EXISTING);
            lock.confirm();
            assertHeld();
        }
        assertEquals("taken", anotherProcess(dir));
    }

    @Test
    void aRunThatCameAndWentInAFolderOfTheSameNameEndsTheHolderOfTheOneBefore() throws IOException {
        Path run = Files.createDirectory(dir.resolve("run"));
        try (RunLock lock = RunLock.take(run)) {
            Files.move(run, dir.resolve("moved"));
            Files.createDirectory(run);
            assertEquals("taken", anotherProcess(run));
            byte[] others = Files.readAllBytes(run.resolve(RunLock.NAME));
            for (int i = 0; i < 2; i++) {
                String message = assertThrows(IOException.class, lock::confirm).getMessage();
                assertTrue(message.contains("has taken the run folder " + run), message);
            }
            assertTrue(lock.isLost());
            assertArrayEquals(others, Files.readAllBytes(run.resolve(RunLock.NAME)));
        }
    }

    @Test
    void aRunThatCameAndWentWhileTheFileWasAwayEndsItsHolder() throws IOException {
        try (RunLock lock = RunLock.take(dir)) {
            Files.delete(dir.resolve(RunLock.NAME));
            assertEquals("taken", anotherProcess(dir));
            String message = assertThrows(IOException.class, lock::confirm).getMessage();
            assertTrue(message.contains("another run has taken"), message);
            assertTrue(lock.isLost());
        }
    }

    @Test
    void aFolderThatIsGoneIsNamed() throws IOException {
        Path gone = Files.createDirectory(dir.resolve("gone"));
        try (RunLock lock = RunLock.take(gone)) {
            Files.delete(gone.resolve(RunLock.NAME));
            Files.delete(gone);
            String message = assertThrows(IOException.class, lock::confirm).getMessage();
            assertTrue(message.contains(gone.toString()), message);
        }
    }
}
