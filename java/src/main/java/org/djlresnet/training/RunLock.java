package org.djlresnet.training;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.djlresnet.UserException;

/**
 * The right of one process to write to a run folder.
 *
 * <p>The operating system holds the lock and releases it when the process dies, however it dies;
 * the text of {@code run.lock} only says who took it last. POSIX releases it, too, when the process
 * closes any other handle of the file, as one does that copies the folder; so the holder asks again
 * ({@link #confirm}) before it writes, and no second taker in the process opens the file at all.
 *
 * <p>Two bytes beyond the text are locked, so that each can be locked anew in the shelter of the
 * other: who takes the lock takes both, the second one first.
 */
final class RunLock implements AutoCloseable {

    static final String NAME = "run.lock";

    private static final long FIRST = 1L << 40;
    private static final long SECOND = FIRST + 1;

    /** The folders that this process writes to, by their real paths. */
    private static final Map<Path, RunLock> HELD = new HashMap<>();

    private final Path folder;
    private final Path key;
    private final String holder = holder();
    private FileChannel channel;
    private FileLock first;
    private FileLock second;
    private Object identity;
    private Object folderIdentity;
    private boolean lost;

    private RunLock(Path folder, Path key) {
        this.folder = folder;
        this.key = key;
    }

    /**
     * Takes the lock.
     *
     * @throws RunInUseException if another run has it; the message says which
     * @throws IOException if the folder cannot be written
     */
    static RunLock take(Path folder) throws IOException {
        Path key = folder.toRealPath();
        synchronized (HELD) {
            RunLock held = HELD.get(key);
            if (held != null) {
                throw inUse(folder, held.holder);
            }
            RunLock lock = new RunLock(folder, key);
            lock.folderIdentity = identity(folder.toRealPath());
            lock.acquire();
            HELD.put(key, lock);
            return lock;
        }
    }

    private static RunInUseException inUse(Path folder, String holder) {
        return new RunInUseException(
                "The run folder "
                        + folder
                        + " is being written by another run: "
                        + holder.strip()
                        + ". Wait for it to end (train --wait-for-lock SECONDS does), or stop it");
    }

    private Path file() {
        return folder.resolve(NAME);
    }

    private void acquire() throws IOException {
        RunFolder.requireNoLink(file());
        RunFolder.requireFile(file());
        channel =
                FileChannel.open(
                        file(),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE,
                        LinkOption.NOFOLLOW_LINKS);
        try {
            identity = identity(file());
            second = tryLock(SECOND);
            first = second == null ? null : tryLock(FIRST);
            if (first == null) {
                throw inUse(folder, text());
            }
            channel.truncate(0);
            channel.write(ByteBuffer.wrap(holder.getBytes(StandardCharsets.UTF_8)), 0);
        } catch (IOException | RuntimeException failure) {
            channel.close();
            throw failure;
        }
    }

    /**
     * Makes sure that this process has the lock still, and takes it again if it was lost and nobody
     * else came meanwhile, be it that he is gone again.
     *
     * @throws IOException if another run came, or the file was removed and cannot be made again
     */
    synchronized void confirm() throws IOException {
        if (lost || !Objects.equals(folderIdentity, identity(folder.toRealPath()))) {
            throw lost();
        }
        boolean there = Files.exists(file(), LinkOption.NOFOLLOW_LINKS);
        if (there && !text().equals(holder)) {
            throw lost();
        }
        if (!there || !Objects.equals(identity, identity(file()))) {
            channel.close();
            try {
                acquire();
            } catch (UserException another) {
                lost = true;
                throw new IOException(another.getMessage(), another);
            }
            return;
        }
        first.release();
        first = tryLock(FIRST);
        if (first == null) {
            throw lost();
        }
        second.release();
        // another may try it for a moment; it gives it back, since it does not get the first
        second = channel.lock(SECOND, 1, false);
    }

    /** Tells whether another run has come, to whom the folder is left. */
    synchronized boolean isLost() {
        return lost;
    }

    private IOException lost() throws IOException {
        lost = true;
        return new IOException(
                "another run has taken the run folder "
                        + folder
                        + " meanwhile: "
                        + (Files.exists(file(), LinkOption.NOFOLLOW_LINKS)
                                ? text().strip()
                                : "it has no lock")
                        + ". This process lost its lock, as by a copy of the folder that it made"
                        + " itself or because the folder was moved, and leaves the folder to the"
                        + " other");
    }

    private FileLock tryLock(long position) throws IOException {
        try {
            return channel.tryLock(position, 1, false);
        } catch (OverlappingFileLockException heldByThisProcess) {
            return null;
        }
    }

    /**
     * What the file says of its holder. Of the file that is locked it is read by the one handle
     * that there is in this process.
     */
    private String text() throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(1024);
        if (Objects.equals(identity, identity(file()))) {
            channel.read(bytes, 0);
        } else {
            try (FileChannel other = FileChannel.open(file(), LinkOption.NOFOLLOW_LINKS)) {
                other.read(bytes, 0);
            }
        }
        return new String(bytes.array(), 0, bytes.position(), StandardCharsets.UTF_8);
    }

    private static Object identity(Path file) throws IOException {
        return Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                .fileKey();
    }

    private static String holder() {
        String host;
        try {
            host = InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException unnamed) {
            host = "an unnamed machine";
        }
        return String.format(
                Locale.ROOT,
                "process %d on %s, since %s%n",
                ProcessHandle.current().pid(),
                host,
                Instant.now().truncatedTo(ChronoUnit.SECONDS));
    }

    @Override
    public void close() {
        synchronized (HELD) {
            HELD.remove(key, this);
            try {
                channel.close();
            } catch (IOException ignored) {
                // the lock ends with the process at the latest
            }
        }
    }
}
