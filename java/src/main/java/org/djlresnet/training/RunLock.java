package org.djlresnet.training;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.djlresnet.InputFile;

/**
 * A lock that allows only one process to write to a run folder.
 *
 * <p>The operating system holds the lock and releases it when the process ends, however that
 * happens. The text of {@code run.lock} names the owner. POSIX also releases the lock when the
 * process closes another handle of the file, for example after copying the folder, so the owner
 * calls {@link #confirm} before each checkpoint.
 */
final class RunLock implements AutoCloseable {

    static final String NAME = "run.lock";

    /** Far beyond the text, because a locked range is unreadable on Windows. */
    private static final long POSITION = 1L << 40;

    /** The locks of this process by the real paths of their folders. */
    private static final Map<Path, RunLock> HELD = new HashMap<>();

    private final Path key;
    private final FileChannel channel;
    private final String owner = describeThisProcess();

    private RunLock(Path folder, Path key) throws IOException {
        this.key = key;
        channel = InputFile.openLock(folder.resolve(NAME));
        try {
            if (channel.tryLock(POSITION, 1, false) == null) {
                throw inUse(folder, read(channel));
            }
            channel.truncate(0);
            channel.write(ByteBuffer.wrap(owner.getBytes(StandardCharsets.UTF_8)), 0);
        } catch (IOException | RuntimeException failure) {
            channel.close();
            throw failure;
        }
    }

    /**
     * Takes the lock.
     *
     * @throws RunInUseException if another run has it; the message names the owner
     * @throws IOException if the folder cannot be written
     */
    static RunLock take(Path folder) throws IOException {
        Path key = folder.toRealPath();
        synchronized (HELD) {
            RunLock held = HELD.get(key);
            if (held != null) {
                throw inUse(folder, held.owner);
            }
            RunLock lock = new RunLock(folder, key);
            HELD.put(key, lock);
            return lock;
        }
    }

    private static RunInUseException inUse(Path folder, String owner) {
        return new RunInUseException(
                "The run folder %s is being written by another run: %s. Wait for it to end, or stop it."
                        .formatted(folder, owner.strip()));
    }

    /**
     * Checks that this process still owns the folder.
     *
     * @throws IOException if another run has taken it over
     */
    void confirm() throws IOException {
        // through this channel, because closing another one would release the lock
        String found = read(channel);
        if (!found.equals(owner)) {
            throw new IOException(
                    "another run has taken over the run folder: %s. This process lost its lock, for example because it copied the folder"
                            .formatted(found.strip()));
        }
    }

    private static String read(FileChannel file) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(1024);
        file.read(bytes, 0);
        return new String(bytes.array(), 0, bytes.position(), StandardCharsets.UTF_8);
    }

    private static String describeThisProcess() {
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
                // the operating system releases the lock when the process ends
            }
        }
    }
}
