package org.djlresnet.training;

import ai.djl.ndarray.NDArray;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.djlresnet.AtomicFile;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.model.Network;
import org.djlresnet.recipe.Recipe;

/** Writes a run's checkpoints, rows and log to its folder, if it has one. */
final class Recorder implements AutoCloseable {

    private static final String TEST = "test.json";
    private static final String PREDICTIONS = "predictions.csv";
    private static final Gson PRETTY = new GsonBuilder().setPrettyPrinting().create();

    private final RunFolder folder;
    private final Network network;
    private final Selection selection;
    private final GradientLog gradientLog;
    private final int keep;
    private final long everySteps;
    private final long everyNanos;
    private long savedStep;
    private long savedNanos = System.nanoTime();

    /**
     * Creates a recorder.
     *
     * @param folder the run's folder, or null to write nothing
     * @param network the network
     * @param selection selects the best epoch
     * @param recipe the run's recipe
     * @param step the number of steps done
     * @param gradientLog whose rows precede a checkpoint to the disk
     */
    Recorder(
            RunFolder folder,
            Network network,
            Selection selection,
            Recipe recipe,
            long step,
            GradientLog gradientLog) {
        this.gradientLog = gradientLog;
        this.folder = folder;
        this.network = network;
        this.selection = selection;
        keep = recipe.keep();
        savedStep = step;
        String every = recipe.checkpointEvery();
        boolean seconds = every != null && every.endsWith("s");
        everySteps = every == null || seconds ? Long.MAX_VALUE : Long.parseLong(every);
        everyNanos =
                seconds
                        ? Long.parseLong(every.substring(0, every.length() - 1)) * 1_000_000_000L
                        : Long.MAX_VALUE;
    }

    /**
     * Checks that the disk has room for the run's checkpoints.
     *
     * @param epochs the number of epochs left
     */
    void requireRoom(WeightUpdates updates, int epochs) {
        if (folder == null) {
            return;
        }
        long values = size(network.stateDict());
        long copies = values * (1 + updates.copiesToCome());
        long bytes = copies + size(updates.state()) + size(updates.averaged());
        try {
            folder.checkpoints().requireRoom(bytes, epochs, keep);
        } catch (IOException failure) {
            throw unwritable(folder.last(), failure);
        }
    }

    private static long size(Map<String, NDArray> arrays) {
        return arrays.values().stream().mapToLong(array -> array.size() * Float.BYTES).sum();
    }

    /** Returns whether a checkpoint within the epoch is due. */
    boolean isDue(long step) {
        return folder != null
                && (step - savedStep >= everySteps || System.nanoTime() - savedNanos >= everyNanos);
    }

    /**
     * Writes {@code last}, and keeps the previous one.
     *
     * @throws NonFiniteWeightsException if a weight is not finite; nothing is written then
     */
    void last(TrainingState state, WeightUpdates updates) {
        if (folder != null) {
            requireFinite(state.step(), updates);
            writeLast(state, updates);
        }
    }

    private void writeLast(TrainingState state, WeightUpdates updates) {
        try {
            folder.requireLock();
            gradientLog.force();
            folder.checkpoints().replaceLast(file -> save(file, state, updates));
            if (state.isEpochsEnd()) {
                folder.checkpoints().keepEpoch(folder.last(), state.epochsDone(), keep);
            }
        } catch (IOException failure) {
            throw unwritable(folder.last(), failure);
        }
        savedStep = state.step();
        savedNanos = System.nanoTime();
    }

    /**
     * Writes the results of an epoch.
     *
     * @param best whether it is the best so far
     */
    void epoch(EpochRow row, boolean best, TrainingState state, WeightUpdates updates) {
        if (folder == null) {
            return;
        }
        log("epoch " + row.toJson());
        requireFinite(state.step(), updates);
        // best precedes last, so that the best that last refers to always exists
        if (best) {
            try {
                folder.requireLock();
                save(folder.best(), state, updates);
            } catch (IOException failure) {
                throw unwritable(folder.best(), failure);
            }
        }
        writeLast(state, updates);
        folder.append(row);
    }

    private void save(Path file, TrainingState state, WeightUpdates updates) throws IOException {
        Checkpoint.save(
                file,
                network,
                state.toJson(selection).toString(),
                updates.state(),
                updates.averaged());
    }

    /**
     * Returns the result on the test data from an earlier process, or null if there is none, it
     * belongs to another epoch or cannot be read.
     *
     * @param epoch the epoch of the tested network
     */
    JsonObject testResult(int epoch) {
        if (folder == null) {
            return null;
        }
        try {
            JsonObject result =
                    JsonParser.parseString(Files.readString(folder.path().resolve(TEST)))
                            .getAsJsonObject();
            return result.get("epoch").getAsInt() == epoch ? result : null;
        } catch (IOException | RuntimeException unreadable) {
            return null;
        }
    }

    /** Writes the result on the test data. */
    void test(JsonObject result) {
        log("test " + result);
        if (folder != null) {
            folder.write(TEST, PRETTY.toJson(result) + "\n");
        }
    }

    /**
     * Returns the predictions from an earlier process, or null if there are none or they belong to
     * another epoch.
     *
     * @param epoch the epoch of the network
     */
    String predictions(int epoch) {
        if (folder == null) {
            return null;
        }
        try {
            String text = Files.readString(folder.path().resolve(PREDICTIONS));
            return text.contains("\n" + epoch + ",0,") ? text : null;
        } catch (IOException unreadable) {
            return null;
        }
    }

    /** Removes the predictions of a run that continues. */
    void dropPredictions() {
        if (folder != null) {
            try {
                Files.deleteIfExists(folder.path().resolve(PREDICTIONS));
            } catch (IOException failure) {
                throw new UncheckedIOException(failure);
            }
        }
    }

    /** Writes the predictions on the test data. */
    void predictions(String text) {
        if (folder != null) {
            folder.write(PREDICTIONS, text);
        }
    }

    /**
     * Checks the weights themselves, because a step's loss reflects the weights before the step.
     */
    private void requireFinite(long step, WeightUpdates updates) {
        network.parameters()
                .forEach((name, parameter) -> requireFinite(step, name, parameter.getArray()));
        updates.state().forEach((name, array) -> requireFinite(step, name, array));
    }

    private static void requireFinite(long step, String name, NDArray array) {
        try (NDArray sum = array.sum()) {
            if (!Float.isFinite(sum.getFloat())) {
                throw new NonFiniteWeightsException(step, name);
            }
        }
    }

    /**
     * Writes the profile.
     *
     * @param profile the profile, or null for none
     */
    void profile(Profile profile) {
        if (folder != null && profile != null && profile.steps() > 0) {
            folder.write("profile.csv", profile.toCsv());
        }
    }

    private static UncheckedIOException unwritable(Path file, IOException failure) {
        return new UncheckedIOException(
                "Cannot write the checkpoint "
                        + file
                        + ": "
                        + AtomicFile.reason(failure)
                        + ". Earlier checkpoints are intact.",
                failure);
    }

    void log(String message) {
        if (folder != null) {
            folder.log(message);
        }
    }

    /** Logs the error that ended the run. */
    void failure(Throwable failure) {
        try {
            log("failed: " + failure);
        } catch (RuntimeException | OutOfMemoryError alsoFailed) {
            failure.addSuppressed(alsoFailed);
        }
    }

    @Override
    public void close() {
        try (gradientLog) {
            if (folder != null) {
                folder.close();
            }
        }
    }
}
