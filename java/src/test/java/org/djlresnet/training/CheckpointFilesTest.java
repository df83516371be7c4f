package org.djlresnet.training;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchService;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.djlresnet.AtomicFile;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class CheckpointFilesTest {

    @TempDir Path dir;

    private CheckpointFiles files;

    @BeforeEach
    void setUp() {
        files = new CheckpointFiles(dir);
    }

    private void replaceLast(String content) throws IOException {
        files.replaceLast(last -> AtomicFile.write(last, content));
    }

    private String lastAndPrevious() {
        return read(files.last()) + " " + read(files.previous());
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private List<String> names() throws IOException {
        try (Stream<Path> entries = Files.list(dir)) {
            return entries.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private void assertTwoFiles() {
        assertNotEquals(inode(files.last()), inode(files.previous()));
    }

    /** Identifies a file: two names of one file have the same key. */
    private static Object inode(Path file) {
        try {
            Object key = Files.readAttributes(file, BasicFileAttributes.class).fileKey();
            assumeTrue(key != null, "this file system numbers no files");
            return key;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void lastAndPreviousAreIntactDuringAWrite() throws IOException {
        for (String state : List.of("first", "second", "third")) {
            replaceLast(state);
        }
        assertEquals("third second", lastAndPrevious());
        assertTwoFiles();

        List<String> seen = new ArrayList<>();
        Runnable look =
                () -> {
                    seen.add(lastAndPrevious());
                    assertTwoFiles();
                };
        files.replaceLast(
                last -> {
                    look.run();
                    AtomicFile.write(
                            last,
                            channel -> {
                                channel.write(ByteBuffer.wrap("fou".getBytes(UTF_8)));
                                look.run();
                                channel.write(ByteBuffer.wrap("rth".getBytes(UTF_8)));
                                look.run();
                            });
                    look.run();
                });
        look.run();
        assertEquals(
                List.of(
                        "third second",
                        "third second",
                        "third second",
                        "fourth second",
                        "fourth third"),
                seen);
    }

    @Test
    void deletesEarlierKeptEpochs() throws IOException {
        replaceLast("first");
        for (int epoch = 1; epoch <= 4; epoch++) {
            files.keepEpoch(files.last(), epoch, 4);
        }
        Path notOurs = Files.writeString(dir.resolve("epoch-1.safetensors"), "another's");
        files.keepEpoch(files.last(), 4, 1);
        try (Stream<Path> kept =
                Files.list(dir).filter(file -> file.toString().contains("epoch"))) {
            assertEquals(
                    Set.of(notOurs, dir.resolve("epoch-0004.safetensors")),
                    kept.collect(Collectors.toSet()));
        }
    }

    @Test
    void namesHaveTheSameDigitsInEveryLocale() throws IOException {
        Locale before = Locale.getDefault();
        try {
            Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
            replaceLast("first");
            files.keepEpoch(files.last(), 1, 1);
            files.keepEpoch(files.last(), 2, 1);
        } finally {
            Locale.setDefault(before);
        }
        assertEquals(Set.of("last.safetensors", "epoch-0002.safetensors"), Set.copyOf(names()));
    }

    @Test
    void recoversTheCheckpointSetAsideByAKilledWriter() throws IOException {
        Path aside = dir.resolve(".last.previous.tmp");
        // killed before it renamed the file set aside
        Files.writeString(files.last(), "third");
        Files.writeString(files.previous(), "first");
        Files.writeString(aside, "second");
        files.recover();
        assertEquals("second", Files.readString(files.previous()));
        assertFalse(Files.exists(aside));
        // the same if the previous one is missing
        Files.delete(files.previous());
        Files.writeString(aside, "second");
        files.recover();
        assertEquals("second", Files.readString(files.previous()));
        assertEquals("third", Files.readString(files.last()));
    }

    @Test
    void recoversWithoutLast() throws IOException {
        Path aside = dir.resolve(".last.previous.tmp");
        Files.writeString(files.previous(), "first");
        Files.writeString(aside, "second");
        files.recover();
        assertEquals("second", Files.readString(files.previous()));
        assertFalse(Files.exists(aside));
    }

    @Test
    void recoveryIgnoresACopyOfLast() throws IOException {
        // killed while writing: the file set aside is still the latest
        Files.writeString(files.last(), "second");
        Files.writeString(files.previous(), "first");
        Files.createLink(dir.resolve(".last.previous.tmp"), files.last());
        files.recover();
        assertEquals("first", Files.readString(files.previous()));
        replaceLast("third");
        assertEquals("second", Files.readString(files.previous()));
        assertFalse(Files.exists(dir.resolve(".last.previous.tmp")));
    }

    @Test
    void failedWriteChangesNothing() throws IOException {
        replaceLast("first");
        replaceLast("second");
        List<String> before = names();
        assertThrows(
                IOException.class,
                () ->
                        files.replaceLast(
                                last -> {
                                    throw new IOException("full");
                                }));
        assertEquals("second first", lastAndPrevious());
        assertEquals(before, names());
        assertTwoFiles();
    }

    @Test
    void keepsAnEpochTwice() throws IOException {
        replaceLast("first");
        files.keepEpoch(files.last(), 7, 2);
        replaceLast("second");
        files.keepEpoch(files.last(), 7, 2);
        files.keepEpoch(files.last(), 7, 2);
        assertEquals("second", Files.readString(dir.resolve("epoch-0007.safetensors")));
        assertFalse(Files.exists(dir.resolve(".kept.tmp")));
    }

    @Test
    void copiesAtomicallyWithoutHardLinks() throws IOException, InterruptedException {
        Path memory = Path.of("/dev/shm");
        assumeTrue(
                Files.isWritable(memory)
                        && !Files.getFileStore(memory).equals(Files.getFileStore(dir)),
                "hard links cannot lead to another file system, and there is none");
        Path elsewhere = Files.createTempFile(memory, "checkpoint", ".tmp");
        try (WatchService watch = dir.getFileSystem().newWatchService()) {
            Files.writeString(elsewhere, "first");
            dir.register(watch, StandardWatchEventKinds.ENTRY_CREATE);
            files.keepEpoch(elsewhere, 1, 1);
            String created = watch.take().pollEvents().get(0).context().toString();
            assertTrue(created.startsWith("..kept.tmp."), created);
        } finally {
            Files.delete(elsewhere);
        }
        assertEquals("first", Files.readString(dir.resolve("epoch-0001.safetensors")));
        assertEquals(1, names().size());
    }

    private void assertNeeds(int checkpoints, int epochs, int keep) {
        long bytes = 1L << 50;
        String message =
                assertThrows(IOException.class, () -> files.requireRoom(bytes, epochs, keep))
                        .getMessage();
        assertTrue(message.contains("Needed: " + checkpoints * bytes + " bytes. Free: "), message);
    }

    @Test
    void rejectsTooLittleDiskSpaceForTheCheckpoints() throws IOException {
        files.requireRoom(1, 100, 10);
        // best, last, the previous one and the one being written; short runs write fewer
        assertNeeds(2, 1, 0);
        assertNeeds(3, 2, 0);
        assertNeeds(4, 3, 0);
        assertNeeds(4, 50, 0);
        // two kept epochs are last and the previous one
        assertNeeds(4, 50, 2);
        assertNeeds(4 + 3, 50, 5);
        // files that exist are replaced
        replaceLast("first");
        replaceLast("second");
        Files.writeString(files.best(), "best");
        assertNeeds(1, 50, 0);
        for (int epoch = 1; epoch <= 5; epoch++) {
            files.keepEpoch(files.last(), epoch, 5);
        }
        assertNeeds(1, 50, 5);
    }
}
