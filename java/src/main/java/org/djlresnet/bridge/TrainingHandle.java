package org.djlresnet.bridge;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.training.TrainingRun;

/** A run in its own thread, watched and stopped from Python. */
public final class TrainingHandle {

    private final TrainingRun run;
    private final CountDownLatch ended = new CountDownLatch(1);
    private volatile Throwable failure;

    /**
     * Starts a run.
     *
     * @param run the run, made ready
     */
    TrainingHandle(TrainingRun run) {
        this.run = run;
        Thread thread = new Thread(this::train, "training");
        thread.setDaemon(true);
        thread.start();
    }

    private void train() {
        try {
            run.trainer().run();
        } catch (Throwable thrown) {
            failure = thrown;
        } finally {
            ended.countDown();
        }
    }

    /**
     * Tells where the run stands.
     *
     * @param fromRow the first history row wanted
     * @return the JSON text of {@link org.djlresnet.training.Progress#toJson}
     */
    public String progress(int fromRow) {
        return run.trainer().progress().toJson(fromRow);
    }

    /** Asks the run to end after its batch. */
    public void stop() {
        run.trainer().stop();
    }

    /**
     * Waits for the run's thread to end.
     *
     * @param milliseconds how long at most
     * @return whether it has ended
     * @throws InterruptedException if this thread is interrupted
     */
    public boolean await(long milliseconds) throws InterruptedException {
        return ended.await(milliseconds, TimeUnit.MILLISECONDS);
    }

    /** Throws what ended the run, if an error did. */
    public void check() {
        if (failure instanceof RuntimeException exception) {
            throw exception;
        }
        if (failure instanceof Error error) {
            throw error;
        }
    }

    /**
     * Returns the trained network, once the run has ended.
     *
     * @return the network as it is after the last step
     */
    public NetworkHandle network() {
        Recipe recipe = run.recipe();
        JsonObject info =
                JsonParser.parseString(Checkpoint.describe(run.network().specification()))
                        .getAsJsonObject();
        info.add("recipe", JsonParser.parseString(recipe.toJson()));
        return new NetworkHandle(run.network(), info.toString());
    }

    /**
     * Tells where the time of a step went, once the run has ended.
     *
     * @return the JSON text of {@link org.djlresnet.training.Profile#toJson}, or null if the recipe
     *     asks for none
     */
    public String profile() {
        return run.trainer().profile() == null ? null : run.trainer().profile().toJson();
    }

    /**
     * Describes what selects the best epoch.
     *
     * @return the JSON text of {@link org.djlresnet.training.Selection#toJson}
     */
    public String selection() {
        return run.trainer().selection().toJson();
    }

    /**
     * Returns the best epoch's result on the test data of a complete run with a validation split.
     *
     * @return the JSON text of test.json, or of null
     */
    public String test() {
        return String.valueOf(run.trainer().progress().test());
    }

    /**
     * Returns the recipe that the run follows.
     *
     * @return its JSON text, every setting filled in
     */
    public String recipe() {
        return run.recipe().toJson();
    }

    /**
     * Tells how many rows the history had when the run began or went on.
     *
     * @return the number of rows
     */
    public int rowsBefore() {
        return run.rowsBefore();
    }

    /**
     * Tells what the user should know of.
     *
     * @return a sentence, or null
     */
    public String warning() {
        return run.warning();
    }

    /**
     * Returns the run's folder.
     *
     * @return its path, or null if nothing is kept
     */
    public String runDir() {
        return run.folder() == null ? null : run.folder().path().toString();
    }
}
