package org.djlresnet.landscape;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.djlresnet.AtomicFile;
import org.djlresnet.InputFile;
import org.djlresnet.UserException;

/**
 * The table {@code points.csv}, to which several processes may append.
 *
 * <p>A process claims a point by a lock on one byte of {@code points.lock}, and appends its row
 * under a lock on another. The operating system releases both when a process ends, however that
 * happens. Half a row, which a killed process may leave, is not a row and is cut off by the next
 * one. One thread at a time may use an instance.
 */
final class PointsFile implements AutoCloseable {

    static final String NAME = "points.csv";
    static final String HEADER = "direction,i,j,x,y,loss,accuracy,loss_error,accuracy_error\n";

    /** Locked to append; the claim of a point follows at its number. */
    private static final long APPENDING = 0;

    private final Grid grid;
    private final Path file;
    private final FileChannel locks;
    private final SortedMap<Integer, String> rows = new TreeMap<>();

    /** The end of the last complete row that was read. */
    private long readUpTo;

    PointsFile(Path folder, Grid grid) throws IOException {
        this.grid = grid;
        file = folder.resolve(NAME);
        InputFile.requireNoPipe(file);
        locks = InputFile.openLock(folder.resolve("points.lock"));
    }

    /** Work under the lock of the table. */
    @FunctionalInterface
    interface Work {
        void run() throws IOException;
    }

    /** Does work that no other process may do at the same time. */
    void exclusively(Work work) throws IOException {
        FileLock held = locks.lock(APPENDING, 1, false);
        try {
            work.run();
        } finally {
            held.release();
        }
    }

    /** Returns the number of points with a row, those of other processes included. */
    int done() throws IOException {
        read();
        return rows.size();
    }

    boolean isDone(int point) throws IOException {
        read();
        return rows.containsKey(point);
    }

    /**
     * Claims a point.
     *
     * @return the claim, which closing releases; null if another process has it
     */
    FileLock claim(int point) throws IOException {
        try {
            return locks.tryLock(APPENDING + 1 + point, 1, false);
        } catch (OverlappingFileLockException inThisProcess) {
            return null;
        }
    }

    /** Adds the row of a claimed point. After an error the table is as before. */
    void append(int point, PointResult result) throws IOException {
        String row = row(point, result);
        exclusively(
                () -> {
                    try (FileChannel table =
                            FileChannel.open(
                                    file,
                                    StandardOpenOption.CREATE,
                                    StandardOpenOption.READ,
                                    StandardOpenOption.WRITE)) {
                        long end = endOfRows(table);
                        table.truncate(end);
                        try {
                            write(table, end, end == 0 ? HEADER + row : row);
                            table.force(false);
                        } catch (IOException failure) {
                            table.truncate(end);
                            throw failure;
                        }
                    }
                });
        rows.put(point, row);
    }

    private static void write(FileChannel table, long position, String text) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII));
        table.position(position);
        while (bytes.hasRemaining()) {
            table.write(bytes);
        }
    }

    /** Returns where half a row begins, or the end of the file. */
    private static long endOfRows(FileChannel table) throws IOException {
        ByteBuffer last = ByteBuffer.allocate(1);
        for (long end = table.size(); end > 0; end--) {
            table.read(last.clear(), end - 1);
            if (last.get(0) == '\n') {
                return end;
            }
        }
        return 0;
    }

    /** Sorts the rows of a complete table. */
    void sort() throws IOException {
        exclusively(
                () -> {
                    String sorted = HEADER + String.join("", rows.values());
                    if (!Files.readString(file, StandardCharsets.US_ASCII).equals(sorted)) {
                        AtomicFile.write(file, sorted);
                    }
                });
    }

    /** Reads the rows that have been added. */
    private void read() throws IOException {
        long size = Files.exists(file) ? Files.size(file) : 0;
        if (size == readUpTo) {
            return;
        }
        if (size < readUpTo) {
            readUpTo = 0;
        }
        String added = text(readUpTo, size);
        int from = 0;
        if (readUpTo == 0) {
            if (!added.startsWith(HEADER) && !HEADER.startsWith(added)) {
                throw malformed(added.lines().findFirst().orElse(""));
            }
            from = Math.min(HEADER.length(), added.length());
        }
        for (int to = added.indexOf('\n', from) + 1; to > 0; to = added.indexOf('\n', from) + 1) {
            String row = added.substring(from, to);
            rows.put(point(row), row);
            from = to;
        }
        if (from >= HEADER.length() || readUpTo > 0) {
            readUpTo += from;
        }
    }

    private String text(long from, long to) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(to - from));
        try (FileChannel table = FileChannel.open(file, StandardOpenOption.READ)) {
            int read = 0;
            while (bytes.hasRemaining() && read >= 0) {
                read = table.read(bytes, from + bytes.position());
            }
        }
        return new String(bytes.array(), 0, bytes.position(), StandardCharsets.ISO_8859_1);
    }

    private int point(String row) {
        List<String> cells = new ArrayList<>();
        Collections.addAll(cells, row.strip().split(",", -1));
        try {
            if (cells.size() != HEADER.split(",").length) {
                throw new IllegalArgumentException("another number of columns");
            }
            for (String number : cells.subList(cells.size() - 4, cells.size())) {
                requireNumber(number);
            }
            int surface = Integer.parseInt(cells.get(0));
            int i = Integer.parseInt(cells.get(1));
            return grid.axes().size() == 1
                    ? grid.point(surface, i)
                    : grid.point(surface, i, Integer.parseInt(cells.get(2)));
        } catch (IllegalArgumentException | IndexOutOfBoundsException other) {
            throw malformed(row.strip());
        }
    }

    /** Rejects what {@link #number} cannot have written. */
    private static void requireNumber(String cell) {
        if (!Set.of("nan", "inf", "-inf").contains(cell)) {
            Double.parseDouble(cell);
        }
    }

    private UserException malformed(String line) {
        return new UserException(
                file
                        + " is not a table of this grid. Received the line: "
                        + line
                        + ". Remove the line or the file; its points are then computed again.");
    }

    private String row(int point, PointResult result) {
        int[] indices = grid.indices(point);
        double[] coordinates = grid.coordinates(point);
        boolean plane = indices.length > 1;
        List<String> cells =
                List.of(
                        String.valueOf(grid.surface(point)),
                        String.valueOf(indices[0]),
                        plane ? String.valueOf(indices[1]) : "",
                        number(coordinates[0]),
                        plane ? number(coordinates[1]) : "",
                        number(result.loss()),
                        number(result.accuracy()),
                        number(result.lossError()),
                        number(result.accuracyError()));
        return String.join(",", cells) + "\n";
    }

    static String number(double value) {
        if (Double.isNaN(value)) {
            return "nan";
        }
        if (Double.isInfinite(value)) {
            return value > 0 ? "inf" : "-inf";
        }
        return String.valueOf(value);
    }

    @Override
    public void close() throws IOException {
        locks.close();
    }
}
