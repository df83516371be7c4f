package org.djlresnet.training;

import ai.djl.ndarray.NDArray;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.AtomicFile;
import org.djlresnet.model.Network;
import org.djlresnet.recipe.Recipe;

/**
 * Writes gradients.csv: for each recorded step, a row for the network as a whole, {@code global},
 * and one for each trained parameter.
 *
 * <p>The columns are {@code step} (steps done, this one included), {@code epoch}, {@code name},
 * {@code gradient_norm} (of the gradient as computed, before transforms), {@code weight_norm}
 * (before the step) and {@code update_ratio} (norm of the step's change over the weight norm; empty
 * for weights of norm 0). All norms are 2-norms.
 *
 * <p>With a number N of steps, each of the first N steps is recorded, then every N-th, and the last
 * of each epoch.
 */
final class GradientLog implements AutoCloseable {

    static final String FILE = "gradients.csv";
    static final String GLOBAL = "global";

    private static final String HEADER = "step,epoch,name,gradient_norm,weight_norm,update_ratio\n";

    private final Path file;
    private final String when;
    private final long epochSteps;
    private final Network network;
    private UpdateNorms norms;
    private FileChannel channel;

    /**
     * Creates a log, which writes nothing yet.
     *
     * @param folder the run's folder, or null to write nothing
     * @param recipe the recipe with debug_gradients
     * @param network the network
     * @param epochSteps the number of steps of an epoch
     */
    GradientLog(RunFolder folder, Recipe recipe, Network network, long epochSteps) {
        file = folder == null ? null : folder.path().resolve(FILE);
        this.network = network;
        when = recipe.debugGradients();
        this.epochSteps = epochSteps;
    }

    /**
     * Removes the rows of steps that a resumed run repeats, and opens the file.
     *
     * @param step the number of steps done
     */
    void begin(long step) {
        if (file == null) {
            return;
        }
        try {
            if (when.equals("none") && !Files.exists(file)) {
                return;
            }
            channel =
                    FileChannel.open(
                            file,
                            StandardOpenOption.CREATE,
                            StandardOpenOption.WRITE,
                            LinkOption.NOFOLLOW_LINKS);
            channel.truncate(bytesUntil(step)).position(channel.size());
            if (channel.size() == 0) {
                write(HEADER);
            }
        } catch (IOException failure) {
            throw unwritable(failure);
        }
    }

    /** Returns the length of the header and the complete rows up to a step. */
    private long bytesUntil(long step) throws IOException {
        long size = channel.size();
        long kept = 0;
        try (BufferedReader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                long end = kept + line.getBytes(StandardCharsets.UTF_8).length + 1;
                boolean wanted = kept == 0 ? HEADER.equals(line + "\n") : stepOf(line) <= step;
                if (!wanted || end > size) {
                    return kept;
                }
                kept = end;
            }
        }
        return kept;
    }

    private static long stepOf(String row) {
        try {
            return Long.parseLong(row.substring(0, Math.max(0, row.indexOf(','))));
        } catch (NumberFormatException torn) {
            return Long.MAX_VALUE;
        }
    }

    private boolean isDue(long step) {
        boolean last = (step + 1) % epochSteps == 0;
        return channel != null
                && switch (when) {
                    case "none" -> false;
                    case "step" -> true;
                    case "epoch" -> last;
                    default -> {
                        long every = Long.parseLong(when);
                        yield last || step < every || (step + 1) % every == 0;
                    }
                };
    }

    /**
     * Measures before the update.
     *
     * @param step the number of steps done before
     * @param gradients the gradients by name
     */
    void before(long step, Map<String, NDArray> gradients) {
        if (!isDue(step)) {
            return;
        }
        // other parameters may be trained than in the step before
        if (norms == null || !norms.names().equals(List.copyOf(gradients.keySet()))) {
            closeNorms();
            Map<String, NDArray> trained = new LinkedHashMap<>();
            for (String name : gradients.keySet()) {
                trained.put(name, network.parameters().get(name).getArray());
            }
            norms = new UpdateNorms(trained, network.manager());
        }
        norms.before(gradients);
    }

    private void closeNorms() {
        if (norms != null) {
            norms.close();
        }
    }

    /**
     * Measures after the update, and writes the rows.
     *
     * @param step the number of steps done before
     * @param epoch the current epoch, from 1
     */
    void after(long step, int epoch) {
        if (!isDue(step)) {
            return;
        }
        float[] gradients = norms.gradients();
        float[] weights = norms.weights();
        float[] updates = norms.after();
        StringBuilder rows = new StringBuilder();
        String start = (step + 1) + "," + epoch + ",";
        row(rows, start + GLOBAL, total(gradients), total(weights), total(updates));
        for (int i = 0; i < gradients.length; i++) {
            row(rows, start + norms.names().get(i), gradients[i], weights[i], updates[i]);
        }
        try {
            write(rows.toString());
        } catch (IOException failure) {
            throw unwritable(failure);
        }
    }

    private static float total(float[] norms) {
        double squares = 0;
        for (float norm : norms) {
            squares += (double) norm * norm;
        }
        return (float) Math.sqrt(squares);
    }

    private static void row(
            StringBuilder rows, String start, float gradient, float weight, float update) {
        String ratio = weight == 0 ? "" : String.valueOf(update / weight);
        rows.append(start).append(',').append(gradient).append(',').append(weight);
        rows.append(',').append(ratio).append('\n');
    }

    private void write(String text) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /** Forces the rows to the disk, before a checkpoint that resuming relies on. */
    void force() throws IOException {
        if (channel != null) {
            channel.force(true);
        }
    }

    private UncheckedIOException unwritable(IOException failure) {
        return new UncheckedIOException(
                "Cannot write " + file + ": " + AtomicFile.reason(failure) + ".", failure);
    }

    @Override
    public void close() {
        try {
            closeNorms();
            if (channel != null) {
                channel.close();
            }
        } catch (IOException failure) {
            throw unwritable(failure);
        }
    }
}
