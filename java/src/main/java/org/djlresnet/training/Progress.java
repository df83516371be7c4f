package org.djlresnet.training;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The progress of a run. The training thread writes it; any thread may read it. */
public final class Progress {

    /** The phase of a run. */
    public enum State {
        /** Data and network are being prepared. */
        STARTING,
        /** The network is being trained. */
        TRAINING,
        /** The network is being evaluated after an epoch, on test or validation examples. */
        VALIDATING,
        /** The best network is being evaluated on the test examples, once. */
        TESTING,
        /** All epochs are done. */
        DONE,
        /** The run was stopped on request. */
        STOPPED,
        /** The run ended with an error. */
        FAILED
    }

    private final int epochs;
    private final List<EpochRow> rows = new ArrayList<>();
    private State state = State.STARTING;
    private int epoch;
    private long step;
    private long total;
    private long done;
    private long doneBefore;
    private Map<String, Double> metrics = Map.of();
    private JsonObject test;
    private Double examplesPerSecond;
    private long phaseStart;
    private JsonObject ended;

    /**
     * Creates the progress of a run.
     *
     * @param epochs the number of epochs
     * @param start the state of the run
     */
    Progress(int epochs, TrainingState start) {
        this.epochs = epochs;
        rows.addAll(start.history());
        step = start.step();
        epoch = start.epochsDone();
    }

    synchronized void begin(State phase, int phaseEpoch, long examples, long examplesDone) {
        leavePhase();
        state = phase;
        epoch = phaseEpoch;
        total = examples;
        done = examplesDone;
        doneBefore = examplesDone;
        metrics = Map.of();
        examplesPerSecond = null;
        phaseStart = System.nanoTime();
    }

    /**
     * Advances within a phase.
     *
     * @param means the metrics so far; empty if unknown
     */
    synchronized void advance(long currentStep, long examplesDone, Map<String, Double> means) {
        step = currentStep;
        done = examplesDone;
        if (done > doneBefore) {
            // computed here, so that it does not change after the run ends
            examplesPerSecond = (done - doneBefore) / ((System.nanoTime() - phaseStart) / 1e9);
        }
        metrics = means;
    }

    synchronized void add(EpochRow row) {
        rows.add(row);
    }

    /** Sets the result on the test data. */
    synchronized void tested(JsonObject result) {
        test = result;
    }

    /**
     * Returns the result on the test data.
     *
     * @return the contents of test.json, or null
     */
    public synchronized String test() {
        return test == null ? null : test.toString();
    }

    synchronized void end(State last) {
        leavePhase();
        state = last;
    }

    private void leavePhase() {
        if (state == State.TRAINING || state == State.VALIDATING || state == State.TESTING) {
            ended = phase();
        }
    }

    private JsonObject phase() {
        JsonObject json = new JsonObject();
        json.addProperty("state", state.name().toLowerCase(Locale.ROOT));
        json.addProperty("epoch", epoch);
        json.addProperty("done", done);
        json.addProperty("total", total);
        JsonObject means = new JsonObject();
        metrics.forEach(means::addProperty);
        json.add("metrics", means);
        json.addProperty("examples_per_second", examplesPerSecond);
        return json;
    }

    /**
     * Returns the rows of completed epochs.
     *
     * @return a copy
     */
    public synchronized List<EpochRow> rows() {
        return List.copyOf(rows);
    }

    /**
     * Returns the phase of the run.
     *
     * @return the phase
     */
    public synchronized State state() {
        return state;
    }

    /**
     * Describes the progress.
     *
     * @param fromRow the index of the first history row to include
     * @return a JSON object with the keys state, epoch, done, total, metrics (means by name, empty
     *     if unknown) and examples_per_second of the current phase; ended, the same of the previous
     *     phase at its end, or null; epochs, step, rows and test (the test result of a run with a
     *     validation split, or null)
     */
    public synchronized String toJson(int fromRow) {
        JsonObject json = phase();
        json.add("ended", ended);
        json.addProperty("epochs", epochs);
        json.addProperty("step", step);
        json.add("test", test);
        JsonArray newRows = new JsonArray();
        rows.stream().skip(Math.max(0, fromRow)).map(EpochRow::toJson).forEach(newRows::add);
        json.add("rows", newRows);
        return json.toString();
    }
}
