package org.djlresnet.training;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Where a run stands; written by the training thread, read by any. */
public final class Progress {

    /** What a run is doing. */
    public enum State {
        /** Data and network are made ready. */
        STARTING,
        /** An epoch's training examples are gone through. */
        TRAINING,
        /** An epoch's test examples are gone through. */
        VALIDATING,
        /** All epochs are done. */
        DONE,
        /** The run was asked to stop, and has. */
        STOPPED,
        /** The run ended by an error. */
        FAILED
    }

    private static final Gson GSON = new GsonBuilder().serializeNulls().create();

    private final int epochs;
    private final List<EpochRow> rows = new ArrayList<>();
    private State state = State.STARTING;
    private int epoch;
    private long step;
    private long total;
    private long done;
    private long doneBefore;
    private Double loss;
    private Double accuracy;
    private Double examplesPerSecond;
    private long phaseStart;
    private JsonObject ended;

    /**
     * Creates the progress of a run that has not begun.
     *
     * @param epochs the number of epochs
     * @param start where the run stands
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
        loss = null;
        accuracy = null;
        examplesPerSecond = null;
        phaseStart = System.nanoTime();
    }

    /**
     * Moves on within a phase.
     *
     * @param meanLoss the mean loss so far, or null if it is not known yet
     * @param rightFraction the accuracy so far, or null if it is not known yet
     */
    synchronized void advance(
            long currentStep, long examplesDone, Double meanLoss, Double rightFraction) {
        step = currentStep;
        done = examplesDone;
        if (done > doneBefore) {
            // as of this batch, so that the figure stays when the run has ended
            examplesPerSecond = (done - doneBefore) / ((System.nanoTime() - phaseStart) / 1e9);
        }
        loss = meanLoss;
        accuracy = rightFraction;
    }

    synchronized void add(EpochRow row) {
        rows.add(row);
    }

    synchronized void end(State last) {
        leavePhase();
        state = last;
    }

    private void leavePhase() {
        if (state == State.TRAINING || state == State.VALIDATING) {
            ended = phase();
        }
    }

    private JsonObject phase() {
        JsonObject json = new JsonObject();
        json.addProperty("state", state.name().toLowerCase(Locale.ROOT));
        json.addProperty("epoch", epoch);
        json.addProperty("done", done);
        json.addProperty("total", total);
        json.addProperty("loss", loss);
        json.addProperty("accuracy", accuracy);
        json.addProperty("examples_per_second", examplesPerSecond);
        return json;
    }

    /**
     * Returns the rows of the epochs that are done.
     *
     * @return a copy
     */
    public synchronized List<EpochRow> rows() {
        return List.copyOf(rows);
    }

    /**
     * Returns what the run is doing.
     *
     * @return the state
     */
    public synchronized State state() {
        return state;
    }

    /**
     * Describes the run as it stands.
     *
     * @param fromRow the first history row wanted
     * @return a JSON object with the keys state, epoch, done, total, loss, accuracy and
     *     examples_per_second, which are of the phase that the run is in; ended, those of the
     *     training or validation before it as they were at its end, or null; epochs, step and rows.
     *     A figure that is not known yet is null
     */
    public synchronized String toJson(int fromRow) {
        JsonObject json = phase();
        json.add("ended", ended);
        json.addProperty("epochs", epochs);
        json.addProperty("step", step);
        JsonArray newRows = new JsonArray();
        rows.stream().skip(Math.max(0, fromRow)).map(EpochRow::toJson).forEach(newRows::add);
        json.add("rows", newRows);
        return GSON.toJson(json);
    }
}
