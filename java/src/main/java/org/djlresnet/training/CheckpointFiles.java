package org.djlresnet.training;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.djlresnet.AtomicFile;

/**
 * The checkpoints of a run folder: the latest, the one before it, the best and those of kept
 * epochs.
 *
 * <p>A process may be killed, and the machine may fail, between any two operations; at every moment
 * the latest and the previous checkpoint are whole, and only {@link #recover} is needed afterwards.
 */
final class CheckpointFiles {

    /** Writes a file. */
    @FunctionalInterface
    interface Writer {
        void write(Path file) throws IOException;
    }

    /** Gives an existing file a second name. */
    @FunctionalInterface
    interface Linker {
        void link(Path name, Path existing) throws IOException;
    }

    private static final Pattern KEPT = Pattern.compile("epoch-(\\d{4,9})\\.safetensors");

    private final Path folder;
    private final Linker linker;

    CheckpointFiles(Path folder) {
        this(folder, Files::createLink);
    }

    CheckpointFiles(Path folder, Linker linker) {
        this.folder = folder;
        this.linker = linker;
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

    /** The names of the best checkpoint and those of kept epochs, as far as they are there. */
    List<String> bestAndKept() throws IOException {
        List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> files =
                Files.newDirectoryStream(folder, "{best,epoch-*}.safetensors")) {
            files.forEach(file -> names.add(file.getFileName().toString()));
        }
        return names.stream().sorted().toList();
    }

    /** The latest under a second name, while a new one is written. */
    private Path aside() {
        return folder.resolve(".last.previous.tmp");
    }

    /** Writes a new latest checkpoint, and keeps the one before as the previous one. */
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
     * Ends what a writer that was killed had begun: the checkpoint that it had set aside becomes
     * the previous one, unless it is still the latest.
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
     * Keeps a checkpoint as that of an epoch, and forgets those of earlier ones.
     *
     * @param checkpoint the checkpoint at the epoch's end
     * @param epoch the epoch's number, from 1
     * @param keep how many are kept
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
            // renaming to another name of the same file leaves both
            Files.deleteIfExists(half);
        }
        // more than one, where a run that goes on is to keep fewer than it did
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

    /** Replaces a file without a moment at which it is missing: other moves delete it first. */
    private static void rename(Path from, Path to) throws IOException {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
        AtomicFile.flushFolder(to.toAbsolutePath().getParent());
    }

    /** Gives a file a second name, or, on a file system without hard links, copies it. */
    private void link(Path existing, Path name) throws IOException {
        try {
            linker.link(name, existing);
        } catch (UnsupportedOperationException notHere) {
            copy(existing, name);
        } catch (FileSystemException refused) {
            // those of kinds of their own, as of a missing file, have nothing to do with links
            if (refused.getClass() != FileSystemException.class) {
                throw refused;
            }
            try {
                copy(existing, name);
            } catch (IOException alsoRefused) {
                refused.addSuppressed(alsoRefused);
                throw refused;
            }
        }
    }

    private static void copy(Path existing, Path name) throws IOException {
        try (FileChannel from = FileChannel.open(existing)) {
            AtomicFile.write(
                    name,
                    to -> {
                        long size = from.size();
                        for (long done = 0; done < size; ) {
                            done += from.transferTo(done, size - done, to);
                        }
                    });
        }
    }
}
