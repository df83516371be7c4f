package org.djlresnet.training;

import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.file.DirectoryStream;
import java.nio.file.FileStore;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.djlresnet.AtomicFile;

/**
 * The checkpoints of a run folder: the latest, the previous, the best, and those of kept epochs.
 *
 * <p>The process or the machine may fail between any two operations. At every moment the latest and
 * the previous checkpoint are intact; afterwards only {@link #recover} is needed.
 */
final class CheckpointFiles {

    /** Writes a file. */
    @FunctionalInterface
    interface Writer {
        void write(Path file) throws IOException;
    }

    private static final Pattern KEPT = Pattern.compile("epoch-(\\d{4,9})\\.safetensors");

    private final Path folder;

    CheckpointFiles(Path folder) {
        this.folder = folder;
    }

    Path last() {
        return folder.resolve("last.safetensors");
    }

    Path best() {
        return folder.resolve("best.safetensors");
    }

    Path previous() {
        return folder.resolve("last.previous.safetensors");
    }

    /** Returns the file names of the best checkpoint and of kept epochs that exist. */
    List<String> bestAndKept() throws IOException {
        List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> files =
                Files.newDirectoryStream(folder, "{best,epoch-*}.safetensors")) {
            files.forEach(file -> names.add(file.getFileName().toString()));
        }
        return names.stream().sorted().toList();
    }

    /** Returns the second name of the latest checkpoint while a new one is being written. */
    private Path aside() {
        return folder.resolve(".last.previous.tmp");
    }

    /**
     * Checks that the disk has room for the checkpoints of the remaining epochs: best, last,
     * previous, the one being written, and any other kept epochs.
     *
     * @param bytes the size of a checkpoint
     * @param epochs the number of epochs left
     * @param keep the number of kept epochs
     * @throws IOException if it does not
     */
    void requireRoom(long bytes, int epochs, int keep) throws IOException {
        long existing = Stream.of(best(), last(), previous()).filter(Files::exists).count();
        long kept = bestAndKept().stream().filter(name -> KEPT.matcher(name).matches()).count();
        long files = Math.max(1, Math.min(4, epochs + 1L) - existing);
        files += Math.max(0, Math.min(keep, epochs) - Math.max(2, kept));
        FileStore disk = Files.getFileStore(folder);
        long free = disk.getUsableSpace();
        // some network file systems report no sizes at all
        if (disk.getTotalSpace() > 0 && free < files * bytes) {
            throw new IOException(
                    "The disk does not have enough free space for the run's %s checkpoints. Needed: %s bytes. Free: %s bytes. Free some space and resume the run, or start one in another folder."
                            .formatted(files, files * bytes, free));
        }
    }

    /** Writes a new latest checkpoint, and keeps the old one as the previous one. */
    void replaceLast(Writer writer) throws IOException {
        boolean first = !Files.exists(last());
        if (!first) {
            Files.deleteIfExists(aside());
            link(last(), aside());
        }
        try {
            writer.write(last());
            if (!first) {
                rename(aside(), previous());
            }
        } finally {
            Files.deleteIfExists(aside());
        }
    }

    /**
     * Finishes what a killed writer began: the checkpoint it set aside becomes the previous one,
     * unless it is still the latest.
     */
    void recover() throws IOException {
        if (Files.exists(aside())
                && (!Files.exists(previous())
                        || !Files.exists(last())
                        || Files.mismatch(aside(), last()) != -1)) {
            rename(aside(), previous());
        }
    }

    /**
     * Keeps the checkpoint of an epoch, and deletes those of old epochs.
     *
     * @param checkpoint the checkpoint at the end of the epoch
     * @param epoch the epoch, counted from 1
     * @param keep the number of epochs to keep
     */
    void keepEpoch(Path checkpoint, int epoch, int keep) throws IOException {
        if (keep == 0) {
            return;
        }
        Path half = folder.resolve(".kept.tmp");
        Files.deleteIfExists(half);
        try {
            link(checkpoint, half);
            rename(half, epochFile(epoch));
        } finally {
            // renaming onto a hard link of the same file leaves both
            Files.deleteIfExists(half);
        }
        // more than one if a resumed run keeps fewer than before
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
            for (Path file : files) {
                Matcher kept = KEPT.matcher(file.getFileName().toString());
                if (kept.matches() && Integer.parseInt(kept.group(1)) <= epoch - keep) {
                    Files.delete(file);
                }
            }
        }
    }

    private Path epochFile(int epoch) {
        return folder.resolve(String.format(Locale.ROOT, "epoch-%04d.safetensors", epoch));
    }

    /** Replaces a file atomically; other moves delete the target first. */
    private static void rename(Path from, Path to) throws IOException {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
        AtomicFile.flushFolder(to.toAbsolutePath().getParent());
    }

    /** Gives a file a second name, or copies it if the file system has no hard links. */
    private static void link(Path existing, Path name) throws IOException {
        try {
            Files.createLink(name, existing);
        } catch (UnsupportedOperationException | FileSystemException noHardLinks) {
            // atomically like a link: half a file would later replace the previous checkpoint
            AtomicFile.write(name, to -> Files.copy(existing, Channels.newOutputStream(to)));
        }
    }
}
