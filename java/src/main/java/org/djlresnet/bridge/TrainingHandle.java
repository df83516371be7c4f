package org.djlresnet.bridge;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;
import org.djlresnet.data.Examples;
import org.djlresnet.training.LrSweep;
import org.djlresnet.training.TrainingRun;

/**
 * Prepares and runs a training run on its own thread, for Python.
 *
 * <p>libgomp lets idle threads sleep at once where two threads of a process have used OpenMP on all
 * cores, so preparing on Python's thread would slow the training down.
 */
public final class TrainingHandle {

    private final TrainingRun run;
    private final LrSweep sweep;
    private final Task task;

    /**
     * Starts a run.
     *
     * @param preparation prepares the run; its error is thrown here
     */
    TrainingHandle(Supplier<TrainingRun> preparation) {
        this(preparation, null);
    }

    /**
     * Starts a sweep over learning rates.
     *
     * @param preparation prepares the run; its error is thrown here
     * @param sweep the sweep; null to train
     */
    TrainingHandle(Supplier<TrainingRun> preparation, LrSweep sweep) {
        this.sweep = sweep;
        CompletableFuture<TrainingRun> prepared = new CompletableFuture<>();
        task =
                new Task(
                        "training",
                        () -> {
                            try {
                                prepared.complete(preparation.get());
                            } catch (RuntimeException | Error rejected) {
                                prepared.completeExceptionally(rejected);
                                return;
                            }
                            if (sweep == null) {
                                prepared.join().trainer().run();
                            } else {
                                prepared.join().sweep(sweep);
                            }
                        });
        try {
            run = prepared.join();
        } catch (CompletionException rejected) {
            if (rejected.getCause() instanceof RuntimeException exception) {
                throw exception;
            }
            throw (Error) rejected.getCause();
        }
    }

    /**
     * Returns the progress.
     *
     * @param fromRow the index of the first history row to include
     * @return the JSON text of {@link org.djlresnet.training.Progress#toJson}
     */
    public String progress(int fromRow) {
        return run.trainer().progress().toJson(fromRow);
    }

    /** Asks the run to stop after the current batch. */
    public void stop() {
        run.trainer().stop();
    }

    /**
     * Waits for the run to end.
     *
     * @param milliseconds the longest time to wait
     * @return whether the run has ended
     * @throws InterruptedException if this thread is interrupted
     */
    public boolean await(long milliseconds) throws InterruptedException {
        return task.await(milliseconds);
    }

    /** Throws the error that ended the run, if any. */
    public void check() {
        task.check();
    }

    /**
     * Returns the trained network after the run has ended.
     *
     * @return the network
     */
    public NetworkHandle network() {
        Map<String, JsonElement> entries = new LinkedHashMap<>();
        entries.put("recipe", JsonParser.parseString(run.recipe().toJson()));
        String data = run.trainer().dataChecksums();
        if (data != null) {
            entries.put("data", JsonParser.parseString(data));
        }
        return WeightsJson.handle(run.network(), entries);
    }

    /**
     * Returns the results of a sweep after it has ended.
     *
     * @return the JSON text of {@link LrSweep#toJson}
     */
    public String sweep() {
        return sweep.toJson();
    }

    /**
     * Returns the predictions on the test data after the run has ended.
     *
     * @return the contents of predictions.csv, or null unless the run is complete
     */
    public String predictions() {
        return run.trainer().predictions();
    }

    /**
     * Returns the test data.
     *
     * @return the examples
     */
    public Examples testExamples() {
        return run.trainer().testExamples();
    }

    /**
     * Returns the profile after the run has ended.
     *
     * @return the JSON text of {@link org.djlresnet.training.Profile#toJson}, or null unless the
     *     recipe sets {@code profile}
     */
    public String profile() {
        return run.trainer().profile() == null ? null : run.trainer().profile().toJson();
    }

    /**
     * Returns the test result of a complete run with a validation split.
     *
     * @return the JSON text of test.json, or {@code null} as text
     */
    public String test() {
        return String.valueOf(run.trainer().progress().test());
    }

    /**
     * Describes the run.
     *
     * @return {@code {"recipe": with all settings, "selection": the rule that selects the best
     *     epoch, "run_dir": its folder, or null if it writes no files, "rows_before": the number of
     *     epochs completed before it was started or resumed, "warning": a text for the user, or
     *     null}}
     */
    public String describe() {
        JsonObject json = new JsonObject();
        json.add("recipe", JsonParser.parseString(run.recipe().toJson()));
        json.add("selection", JsonParser.parseString(run.trainer().selection().toJson()));
        json.addProperty("run_dir", run.folder() == null ? null : run.folder().path().toString());
        json.addProperty("rows_before", run.rowsBefore());
        json.addProperty("warning", run.warning());
        return json.toString();
    }
}
