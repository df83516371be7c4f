package org.djlresnet.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.training.initializer.Initializer;
import com.google.gson.JsonObject;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.djlresnet.UserException;
import org.djlresnet.data.Batch;
import org.djlresnet.data.BatchLoader;
import org.djlresnet.data.Examples;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.Network;
import org.djlresnet.objective.Measurement;
import org.djlresnet.objective.Minibatch;
import org.djlresnet.optimizer.Gradients;
import org.djlresnet.recipe.Recipe;

/**
 * The training loop: epochs of shuffled batches, each followed by an evaluation and a checkpoint.
 *
 * <p>A step loads a batch, computes its gradients, applies the transforms to them and updates the
 * parameters. The order of an epoch is a pure function of the seed and the epoch. Averages are
 * weighted by examples, so a short last batch counts proportionally. One thread calls {@link #run};
 * any thread may read {@link #progress} or call {@link #stop}.
 */
public final class Trainer {

    private final TrainingPlan plan;
    private final Recipe recipe;
    private final Network network;
    private final Map<String, Initializer> optimizerState;
    private final GradientLog gradientLog;
    private final FinalPredictions predictions;
    private final Recorder recorder;
    private final Progress progress;
    private final RunMeasurements measurements;
    private final Schedule schedule;
    private final Selection selection;
    private final UpdatePlan updatePlan;
    private final Latents latents;
    private GradientPass pass;
    private final BestWeights bestWeights;
    private volatile boolean stopRequested;
    private Consumer<EpochRow> onEpoch = row -> {};
    private Consumer<Map<String, NDArray>> onGradients = gradients -> {};

    private boolean stopped;
    private long step;
    private int epochsDone;

    /**
     * Creates a trainer for a new run.
     *
     * @param recipe the recipe
     * @param network the network, which is trained in place; for a fresh one call {@link
     *     Network#initialize} first
     * @param train the training data, at least 2 examples
     * @param test the test data
     * @param folder the run's folder, or null to write no files
     * @throws UserException if the data do not fit the network or are too few
     */
    public Trainer(
            Recipe recipe, Network network, Examples train, Examples test, RunFolder folder) {
        this(
                TrainingPlan.check(
                        TrainingState.beginning(recipe),
                        network,
                        train,
                        null,
                        test,
                        folder != null),
                Map.of(),
                folder);
    }

    /**
     * Creates a trainer.
     *
     * @param plan the run
     * @param optimizerState the optimizer's state and the average of the weights by name; missing
     *     entries have their initial values
     * @param folder the run's folder, or null to write no files
     */
    Trainer(TrainingPlan plan, Map<String, Initializer> optimizerState, RunFolder folder) {
        this.plan = plan;
        this.optimizerState = optimizerState;
        recipe = plan.recipe();
        network = plan.network();
        pass = plan.pass();
        selection = plan.selection();
        schedule = plan.schedule();
        updatePlan = plan.updates();
        latents = plan.latents();
        TrainingState start = plan.start();
        gradientLog = new GradientLog(folder, recipe, network, plan.epochs().steps());
        recorder = new Recorder(folder, network, selection, recipe, start.step(), gradientLog);
        predictions = new FinalPredictions(recorder);
        boolean endsWithBest = recipe.patience() != null || plan.data().holdsOut();
        bestWeights = endsWithBest ? new BestWeights(network, folder) : null;
        progress = new Progress(recipe.epochs(), start);
        measurements = new RunMeasurements(plan, progress, this::next, () -> stopped);
        step = start.step();
        epochsDone = start.epochsDone();
    }

    /**
     * Reads the weights of the best epoch so far. A run with a patience or a validation split ends
     * with the best weights.
     *
     * @throws UserException if they cannot be read; the run can continue without them
     */
    void recallBest() {
        if (bestWeights != null && !plan.start().history().isEmpty()) {
            bestWeights.read();
        }
    }

    /**
     * Returns the progress of the run.
     *
     * @return the progress, which any thread may read
     */
    public Progress progress() {
        return progress;
    }

    /**
     * Returns the rule that selects the best epoch.
     *
     * @return the selection
     */
    public Selection selection() {
        return selection;
    }

    /**
     * Returns the predictions of the network that the run ended with, on the test data.
     *
     * @return the contents of predictions.csv; null before the end of a complete run
     */
    public String predictions() {
        return predictions.text();
    }

    /**
     * Returns the test data, or the validation data if there are no others.
     *
     * @return the examples, in the order of {@link #predictions}
     */
    public Examples testExamples() {
        return plan.data().keepsTest() ? plan.data().test() : plan.data().selecting();
    }

    /**
     * Returns the checksums of the data, with which it can be recognized.
     *
     * @return a JSON object with a checksum for each part; null in a run that writes no files
     */
    public String dataChecksums() {
        return plan.fingerprints() == null ? null : plan.fingerprints().toString();
    }

    /**
     * Returns the time of a step by part of the network, after the run has ended.
     *
     * @return the profile, or null unless the recipe sets {@code profile}
     */
    public Profile profile() {
        return pass instanceof Profiler profiler ? profiler.profile() : null;
    }

    /**
     * Sets a listener that is called at the end of each epoch, on the training thread.
     *
     * @param listener receives the epoch's row
     */
    public void onEpoch(Consumer<EpochRow> listener) {
        onEpoch = listener;
    }

    /**
     * Sets what receives the gradients of each update.
     *
     * @param hook may change them before they are clipped
     */
    void onGradients(Consumer<Map<String, NDArray>> hook) {
        onGradients = hook;
    }

    /** Asks the run to stop after the current batch and to save {@code last}. */
    public void stop() {
        stopRequested = true;
    }

    boolean isStopRequested() {
        return stopRequested;
    }

    TrainingPlan plan() {
        return plan;
    }

    /**
     * Trains until all epochs are done, the patience is exhausted or a stop is requested. With a
     * patience or a validation split, the network then has the weights of its best epoch, and with
     * an average of the weights it has the average.
     *
     * @throws NonFiniteLossException if the loss becomes NaN or infinite
     * @throws UncheckedIOException if a file cannot be written
     */
    public void run() {
        EngineTraits.of(network.manager().getEngine()).disableRecording();
        try {
            recorder.log((step == 0 ? "started: " : "resumed at step " + step + ": ") + recipe);
            runEpochs();
            recorder.profile(profile());
            if (!stopped && plan.data().keepsTest()) {
                test();
            }
            if (!stopped) {
                boolean restored = bestWeights != null && bestWeights.restore();
                predictions.finish(
                        restored ? selection.best(progress.rows()).epoch() : epochsDone,
                        testExamples(),
                        () -> measurements.test(testExamples(), step, epochsDone));
            }
            recorder.log(stopped ? "stopped at step " + step : "done");
            progress.end(stopped ? Progress.State.STOPPED : Progress.State.DONE);
        } catch (RuntimeException | Error failure) {
            progress.end(Progress.State.FAILED);
            recorder.failure(failure);
            throw failure;
        } finally {
            // releases the folder even if restoring the weights fails
            try (recorder;
                    measurements) {
                pass.close();
                plan.freezing().release();
                if (bestWeights != null) {
                    bestWeights.restore();
                    bestWeights.close();
                }
            }
        }
    }

    private void runEpochs() {
        Splits data = plan.data();
        TrainingState.Partial from = plan.start().partial();
        try (BatchLoader training = plan.trainingLoader();
                BatchLoader selecting = measurements.loader(data.selecting())) {
            WeightUpdates updates = updates(optimizerState);
            try {
                if (continues()) {
                    recorder.requireRoom(updates, recipe.epochs() - epochsDone);
                    recorder.dropPredictions();
                }
                gradientLog.begin(step);
                while (!stopped && continues()) {
                    if (plan.freezing().changes(epochsDone)) {
                        updates = refreeze(updates);
                    }
                    runEpoch(from, updates, training, selecting);
                    from = TrainingState.Partial.NONE;
                }
                updates.loadAverage();
            } finally {
                updates.close();
            }
        }
    }

    private WeightUpdates updates(Map<String, Initializer> restored) {
        // a lambda, because the hook may be set during the run
        return new WeightUpdates(
                recipe,
                network,
                updatePlan,
                gradients -> onGradients.accept(gradients),
                gradientLog,
                restored);
    }

    /** Prepares pass and optimizer for the parameters that the next epoch trains. */
    private WeightUpdates refreeze(WeightUpdates before) {
        plan.freezing().apply(epochsDone);
        // if either cannot be created, the callers close the old one
        GradientPass compiled = plan.newPass();
        pass.close();
        pass = compiled;
        WeightUpdates after = updates(before.restorable());
        before.close();
        return after;
    }

    private boolean continues() {
        if (epochsDone >= recipe.epochs()) {
            return false;
        }
        return recipe.patience() == null
                || selection.waited(progress.rows(), recipe.minDelta()) < recipe.patience();
    }

    /**
     * Returns the next batch, or null at the end of the pass or if a stop is requested. This is the
     * only place that checks for a stop.
     */
    private Batch next(BatchLoader loader) {
        stopped = stopRequested;
        return stopped ? null : loader.next();
    }

    /** Runs an epoch until it ends or is stopped. */
    private void runEpoch(
            TrainingState.Partial from,
            WeightUpdates updates,
            BatchLoader training,
            BatchLoader selecting) {
        try (Tally tally = new Tally(network.manager(), plan.objective().metrics(), from)) {
            long begin = System.nanoTime() - (long) (from.seconds() * 1e9);
            training.restart(plan.epochs().order(epochsDone, from.examples()), epochsDone);
            trainEpoch(begin, updates, training, tally);
            Map<String, Double> trained = tally.metrics();
            if (!stopped) {
                updates.endEpoch();
                plan.objective().epochEnded(trained, network);
            }
            double seconds = seconds(begin);
            long validationBegin = System.nanoTime();
            Measurement ofFinal = null;
            Splits data = plan.data();
            Map<String, Double> metrics = named("train", trained);
            if (!stopped) {
                selecting.restart(null);
                Measurement measurement = measurements.validate(selecting, step, epochsDone);
                ofFinal = measurement;
                metrics.putAll(named(data.part(), measurement.metrics()));
                if (!stopped && updates.average() != null) {
                    ofFinal =
                            measurements.average(
                                    updates.average(),
                                    measurement,
                                    training,
                                    selecting,
                                    step,
                                    epochsDone);
                    metrics.putAll(named(plan.averagedPart().orElseThrow(), ofFinal.metrics()));
                }
            }
            if (stopped) {
                recorder.last(state(tally.partial(seconds)), updates);
                return;
            }
            finish(
                    new EpochRow(
                            epochsDone + 1,
                            step,
                            seconds,
                            seconds(validationBegin),
                            tally.examples() / seconds,
                            schedule.lr(updatePlan.update(step - 1), progress.rows()),
                            metrics),
                    ofFinal,
                    updates);
        }
    }

    private static Map<String, Double> named(String part, Map<String, Double> metrics) {
        Map<String, Double> named = new LinkedHashMap<>();
        metrics.forEach((name, value) -> named.put(part + "_" + name, value));
        return named;
    }

    private static double seconds(long begin) {
        return (System.nanoTime() - begin) / 1e9;
    }

    private void trainEpoch(long begin, WeightUpdates updates, BatchLoader loader, Tally tally) {
        long done = tally.examples();
        progress.begin(Progress.State.TRAINING, epochsDone + 1, plan.epochs().examples(), done);
        pass.begin();
        for (Batch next = next(loader); next != null; next = next(loader)) {
            try (Batch batch = next) {
                trainStep(batch, updates, tally);
                done += batch.count();
            }
            pass.stepDone();
            progress.advance(step, done, tally.metrics());
            if (recorder.isDue(step)) {
                tally.flush();
                recorder.last(state(tally.partial(seconds(begin))), updates);
            }
            pass.lap(GradientPass.Task.BOOKKEEPING);
        }
        tally.flush();
        progress.advance(step, done, tally.metrics());
    }

    private void trainStep(Batch batch, WeightUpdates updates, Tally tally) {
        try (NDManager manager = network.manager().newSubManager()) {
            plan.stochasticDepth().begin(step);
            Minibatch minibatch =
                    latents.training(Minibatch.of(batch, manager), step, updatePlan.update(step));
            GradientPass.Result result = pass.run(minibatch);
            try (Gradients gradients = result.gradients()) {
                double lr = schedule.lr(updatePlan.update(step), progress.rows());
                updates.add(gradients.byName(), batch.count(), step, lr, epochsDone + 1);
            }
            pass.lap(GradientPass.Task.OPTIMIZER);
            step++;
            tally.add(step, batch.count(), result.value());
        }
    }

    private void finish(EpochRow row, Measurement measurement, WeightUpdates updates) {
        boolean best = selection.isBest(row, progress.rows());
        if (!plan.data().keepsTest() && (best || bestWeights == null)) {
            predictions.keep(measurement);
        }
        progress.add(row);
        epochsDone = row.epoch();
        if (best && bestWeights != null) {
            bestWeights.keep(updates.averaged());
        }
        recorder.epoch(row, best, state(TrainingState.Partial.NONE), updates);
        onEpoch.accept(row);
    }

    /** Evaluates the best network on the test data, unless an earlier process has done so. */
    private void test() {
        // the best weights may be missing; resuming the run has reported that
        int epoch = bestWeights.restore() ? selection.best(progress.rows()).epoch() : epochsDone;
        JsonObject result = recorder.testResult(epoch);
        if (result == null) {
            Measurement measurement = measurements.test(plan.data().test(), step, epochsDone);
            if (measurement == null) {
                return;
            }
            predictions.keep(measurement);
            result = new JsonObject();
            result.addProperty("epoch", epoch);
            result.addProperty("examples", measurement.examples());
            measurement.metrics().forEach(result::addProperty);
            recorder.test(result);
        }
        progress.tested(result);
    }

    private TrainingState state(TrainingState.Partial partial) {
        return new TrainingState(
                recipe, epochsDone, step, progress.rows(), partial, plan.fingerprints());
    }
}
