package org.djlresnet.landscape;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.djlresnet.AtomicFile;
import org.djlresnet.TrainingException;

/**
 * Measures the points of a grid and writes them to a folder, which several processes may share.
 *
 * <p>{@code landscape.json} says what the points are, {@code points.csv} has a row for each. A
 * stopped or killed process loses at most the point it was measuring. Once every point has a row,
 * the rows are sorted, so that the files do not depend on how often and by how many processes they
 * were written.
 */
public final class Surface implements PointMeasurement {

    /** How long to wait for points that other processes measure. */
    static final int POLL_MILLISECONDS = 200;

    /** Draws the directions of a surface. */
    @FunctionalInterface
    public interface Source {
        /**
         * Returns the directions.
         *
         * @param surface the number of the surface, from 0
         * @param manager the manager of the arrays
         * @return float32 arrays by tensor names, for each axis of the grid
         */
        List<Map<String, NDArray>> draw(int surface, NDManager manager);
    }

    private final Path folder;
    private final Grid grid;
    private final String info;
    private final Source directions;
    private volatile boolean stopped;
    private volatile int done;

    /**
     * Describes a surface.
     *
     * @param folder its folder, which is created if it does not exist
     * @param grid the points
     * @param info the content of {@code landscape.json}, a JSON object
     * @param directions the directions of each surface
     */
    public Surface(Path folder, Grid grid, String info, Source directions) {
        this.folder = folder;
        this.grid = grid;
        this.info = info;
        this.directions = directions;
    }

    /**
     * Measures the points that have no row yet, until all have one or {@link #stop} is called.
     *
     * @param probe measures
     * @param manager the manager of the directions' arrays
     * @throws org.djlresnet.UserException if the folder holds other points
     * @throws TrainingException if a file cannot be written
     */
    public void run(LossProbe probe, NDManager manager) {
        try {
            Files.createDirectories(folder);
            try (PointsFile points = new PointsFile(folder, grid)) {
                points.exclusively(() -> LandscapeInfo.settle(folder, info));
                done = points.done();
                while (done < grid.size() && !stopped) {
                    pass(points, probe, manager);
                    if (done < grid.size() && !stopped) {
                        // other processes are measuring the rest; take over if one of them ends
                        Thread.sleep(POLL_MILLISECONDS);
                        done = points.done();
                    }
                }
                if (done == grid.size()) {
                    points.sort();
                }
            }
        } catch (IOException failure) {
            throw new TrainingException(
                    String.format(
                            Locale.ROOT,
                            "%s cannot be written: %s. %d of %d points are saved. Free some disk"
                                    + " space, and repeat the command to resume.",
                            folder,
                            AtomicFile.reason(failure),
                            done,
                            grid.size()),
                    failure);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("Interrupted while waiting for points", interrupted);
        }
    }

    /** Measures every point that is neither done nor claimed by another process. */
    private void pass(PointsFile points, LossProbe probe, NDManager manager) throws IOException {
        int surface = -1;
        try (NDManager parent = manager.newSubManager()) {
            NDManager scope = parent.newSubManager();
            for (int point = 0; point < grid.size() && !stopped; point++) {
                if (points.isDone(point)) {
                    continue;
                }
                try (FileLock claim = points.claim(point)) {
                    if (claim == null || points.isDone(point)) {
                        continue;
                    }
                    if (grid.surface(point) != surface) {
                        surface = grid.surface(point);
                        scope.close();
                        scope = parent.newSubManager();
                        probe.setDirections(directions.draw(surface, scope));
                    }
                    PointResult result = probe.at(() -> stopped, grid.coordinates(point));
                    if (result != null) {
                        points.append(point, result);
                    }
                }
                done = points.done();
            }
            probe.setDirections(List.of());
        }
    }

    @Override
    public void stop() {
        stopped = true;
    }

    @Override
    public int done() {
        return done;
    }

    @Override
    public int size() {
        return grid.size();
    }
}
