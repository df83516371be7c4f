package org.djlresnet.landscape;

import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.AtomicFile;
import org.djlresnet.InputFile;
import org.djlresnet.TrainingException;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.engine.Precision;
import org.djlresnet.model.Network;

/**
 * Measures the surface over a {@link Trajectory}'s plane, and then its checkpoints: each with its
 * own weights, and at its place in the plane. The latter are in {@code trajectory.csv}.
 */
public final class TrajectorySurface implements PointMeasurement {

    static final String NAME = "trajectory.csv";
    private static final String HEADER = "epoch,step,x,y,loss,accuracy,projected_loss\n";

    private final Path file;
    private final Grid grid;
    private final Surface surface;
    private final Trajectory trajectory;
    private Trajectory.Plane plane;
    private volatile boolean stopped;
    private volatile int rows;

    /**
     * Prepares to measure.
     *
     * @param folder the surface's folder
     * @param grid the points
     * @param info the content of {@code landscape.json}
     * @param trajectory the plane
     */
    public TrajectorySurface(Path folder, Grid grid, String info, Trajectory trajectory) {
        file = folder.resolve(NAME);
        this.grid = grid;
        this.trajectory = trajectory;
        // the plane's arrays are created once, by run
        surface = new Surface(folder, grid, info, (index, manager) -> plane.directions());
    }

    /**
     * Measures the points and checkpoints without a row, until all have one or {@link #stop} is
     * called.
     *
     * @param last the network of the last checkpoint
     * @param examples the examples
     * @param precision the precision of convolutions and activations
     * @param recalibrates as in {@link LossProbe}
     * @throws org.djlresnet.UserException if the folder holds other points
     * @throws TrainingException if a file cannot be written
     */
    public void run(
            Network last, HeldExamples examples, Precision precision, boolean recalibrates) {
        try (LossProbe probe = new LossProbe(last, examples, precision, recalibrates);
                NDManager manager = last.manager().newSubManager()) {
            plane = trajectory.plane(manager);
            probe.setStatisticsRange(plane.range());
            surface.run(probe, manager);
            probe.setDirections(plane.directions());
            List<String> starts = starts();
            try (PointsFile locks = new PointsFile(file.getParent(), grid)) {
                rows = rows(starts);
                while (rows < starts.size() && !stopped) {
                    for (int i = 0; i < starts.size() && !stopped; i++) {
                        // claimed like a point after the grid's
                        try (FileLock claim = locks.claim(grid.size() + i)) {
                            if (claim != null && !read().containsKey(starts.get(i))) {
                                double[] place = trajectory.coordinates()[i];
                                PointResult own = own(i, last, examples, precision, recalibrates);
                                PointResult projected =
                                        own == null ? null : probe.at(() -> stopped, place);
                                if (projected != null) {
                                    int row = i;
                                    locks.exclusively(() -> write(starts, row, own, projected));
                                }
                            }
                        }
                        rows = rows(starts);
                    }
                    if (rows < starts.size() && !stopped) {
                        // other processes are measuring the rest; take over if one of them ends
                        Thread.sleep(Surface.POLL_MILLISECONDS);
                        rows = rows(starts);
                    }
                }
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("Interrupted while waiting for rows", interrupted);
        } catch (IOException failure) {
            throw new TrainingException(
                    AtomicFile.reason(failure)
                            + ". "
                            + done()
                            + " of "
                            + size()
                            + " points are saved. Repeat the command to resume.",
                    failure);
        }
    }

    /** Returns the first four cells of each row. */
    private List<String> starts() {
        List<String> starts = new ArrayList<>();
        double[][] places = trajectory.coordinates();
        for (Path checkpoint : trajectory.files()) {
            try (Checkpoint opened = Checkpoint.open(checkpoint)) {
                JsonObject run = JsonParser.parseString(opened.run()).getAsJsonObject();
                double[] place = places[starts.size()];
                starts.add(
                        "%s,%s,%s,%s,"
                                .formatted(
                                        run.get("epoch").getAsInt(),
                                        run.get("step").getAsLong(),
                                        place[0],
                                        place[1]));
            }
        }
        return starts;
    }

    /** Measures a checkpoint with its own weights; null if it was stopped. */
    private PointResult own(
            int index,
            Network last,
            HeldExamples examples,
            Precision precision,
            boolean recalibrates) {
        try (Checkpoint checkpoint = Checkpoint.open(trajectory.files().get(index));
                Network network =
                        checkpoint.network(last.manager().getDevice(), trajectory.averaged());
                LossProbe probe = new LossProbe(network, examples, precision, recalibrates)) {
            return probe.at(() -> stopped);
        }
    }

    /** Returns the number of checkpoints with a row. */
    private int rows(List<String> starts) throws IOException {
        Map<String, String> known = read();
        return (int) starts.stream().filter(known::containsKey).count();
    }

    /** Reads the existing rows, by their first four cells. */
    private Map<String, String> read() throws IOException {
        InputFile.requireNoPipe(file);
        Map<String, String> known = new HashMap<>();
        if (Files.exists(file)) {
            for (String line : Files.readAllLines(file, StandardCharsets.ISO_8859_1)) {
                int at = -1;
                for (int cell = 0; cell < 4 && (cell == 0 || at >= 0); cell++) {
                    at = line.indexOf(',', at + 1);
                }
                known.put(line.substring(0, at + 1), line + "\n");
            }
        }
        return known;
    }

    /** Adds a row to the table, under its lock. */
    private void write(List<String> starts, int index, PointResult own, PointResult projected)
            throws IOException {
        Map<String, String> known = read();
        List<String> cells =
                List.of(
                        PointsFile.number(own.loss()),
                        PointsFile.number(own.accuracy()),
                        PointsFile.number(projected.loss()));
        String start = starts.get(index);
        known.put(start, start + String.join(",", cells) + "\n");
        StringBuilder table = new StringBuilder(HEADER);
        starts.forEach(one -> table.append(known.getOrDefault(one, "")));
        AtomicFile.write(file, table.toString());
    }

    @Override
    public void stop() {
        stopped = true;
        surface.stop();
    }

    @Override
    public int done() {
        return surface.done() + rows;
    }

    @Override
    public int size() {
        return surface.size() + trajectory.files().size();
    }
}
