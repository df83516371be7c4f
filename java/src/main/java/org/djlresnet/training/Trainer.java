package org.djlresnet.training;

import ai.djl.ndarray.NDManager;
import ai.djl.training.initializer.Initializer;
import com.google.gson.JsonObject;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.djlresnet.UserException;
import org.djlresnet.data.Batch;
import org.djlresnet.data.BatchLoader;
import org.djlresnet.data.Examples;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.evaluation.Evaluator;
import org.djlresnet.model.Network;
import org.djlresnet.objective.Measurement;
import org.djlresnet.objective.Metric;
import org.djlresnet.objective.Minibatch;
import org.djlresnet.objective.Objective;
import org.djlresnet.optimizer.GradientTransform;
import org.djlresnet.optimizer.Gradients;
import org.djlresnet.optimizer.Optimizer;
import org.djlresnet.optimizer.Optimizers;
import org.djlresnet.recipe.Recipe;

/**
 * The training loop: epochs of shuffled batches, each followed by an evaluation and a checkpoint.
 *
 * <p>A step loads a batch, computes its gradients, applies the transforms to them and lets the
 * optimizer move the parameters. The order of an epoch is a pure function of the seed and the
 * epoch. Averages are weighted by examples, so a short last batch counts as what it is. One thread
 * calls {@link #run}; any thread may read {@link #progress} or call {@link #stop}.
 */
public final class Trainer {

    private final TrainingPlan plan;
    private final Recipe recipe;
    private final Network network;
    private final Map<String, Initializer> optimizerState;
    private final List<GradientTransform> transforms = new ArrayList<>();
    private final Recorder recorder;
    private final Progress progress;
    private final Schedule schedule;
    private final Selection selection;
    private final GradientPass pass;
    private final BestWeights bestWeights;
    private volatile boolean stopRequested;
    private volatile long lastStep = Long.MAX_VALUE;
    private Consumer<EpochRow> onEpoch = row -> {};

    private boolean stopped;
    private long step;
    private int epochsDone;

    /**
     * Creates a trainer of a new run.
     *
     * @param recipe the recipe
     * @param network a network for the data; it is trained in place
     * @param train the training data, at least 2 examples
     * @param test the test data
     * @param folder where the run leaves its files, or null to leave none
     * @throws UserException if the data do not fit the network or are too few
     */
    public Trainer(
            Recipe recipe, Network network, Examples train, Examples test, RunFolder folder) {
        this(
                TrainingPlan.check(
                        TrainingState.beginning(recipe), network, train, test, folder != null),
                Map.of(),
                folder);
    }

    /**
     * Creates a trainer.
     *
     * @param plan the run
     * @param optimizerState the optimizer's state by name; what is missing is as at the beginning
     * @param folder where the run leaves its files, or null to leave none
     */
    public Trainer(TrainingPlan plan, Map<String, Initializer> optimizerState, RunFolder folder) {
        this.plan = plan;
        this.optimizerState = optimizerState;
        recipe = plan.recipe();
        network = plan.network();
        pass = plan.pass();
        selection = plan.selection();
        schedule = plan.schedule();
        TrainingState start = plan.start();
        recorder = new Recorder(folder, network, selection, recipe, start.step());
        boolean endsWithBest = recipe.patience() != null || plan.data().keepsTest();
        bestWeights = endsWithBest ? new BestWeights(network, folder) : null;
        progress = new Progress(recipe.epochs(), start);
        step = start.step();
        epochsDone = start.epochsDone();
    }

    /**
     * Reads the weights of the best epoch so far, with which a run that has a patience or a
     * validation split ends.
     *
     * @throws UserException if they cannot be read; the run can continue without
     */
    void recallBest() {
        if (bestWeights != null && !plan.start().history().isEmpty()) {
            bestWeights.read();
        }
    }

    /**
     * Returns where the run stands.
     *
     * @return the progress, which any thread may read
     */
    public Progress progress() {
        return progress;
    }

    /**
     * Returns what selects the best epoch.
     *
     * @return the selection
     */
    public Selection selection() {
        return selection;
    }

    /**
     * Returns where the time of a step goes, once the run has ended.
     *
     * @return the profile, or null if the recipe asks for none
     */
    public Profile profile() {
        return pass instanceof Profiler profiler ? profiler.profile() : null;
    }

    /**
     * Sets what receives each epoch's row at its end, on the thread that trains.
     *
     * @param listener takes the epoch's row
     */
    public void onEpoch(Consumer<EpochRow> listener) {
        onEpoch = listener;
    }

    /**
     * Adds a transform of the gradients, which acts after those added before.
     *
     * @param transform changes a step's gradients before the optimizer takes them
     */
    public void addTransform(GradientTransform transform) {
        transforms.add(transform);
    }

    /** Asks the run to end after the batch it is in, with {@code last} saved. */
    public void stop() {
        stopRequested = true;
    }

    /**
     * Asks the run to end, with {@code last} saved, after a number of steps from where it stands.
     *
     * @param steps the number of steps
     */
    public void stopAfter(long steps) {
        lastStep = plan.start().step() + steps;
    }

    /**
     * Trains until all epochs are done, the patience is at its end or the run is asked to stop.
     * With a patience or a validation split the network then has the weights of its best epoch.
     *
     * @throws NonFiniteLossException if the loss is no longer a number
     * @throws UncheckedIOException if a file cannot be written
     */
    public void run() {
        EngineTraits.of(network.manager().getEngine()).disableRecording();
        try {
            recorder.log((step == 0 ? "started: " : "resumed at step " + step + ": ") + recipe);
            if (continues()) {
                runEpochs();
            }
            recorder.profile(profile());
            if (!stopped && plan.data().keepsTest()) {
                test();
            }
            recorder.log(stopped ? "stopped at step " + step : "done");
            progress.end(stopped ? Progress.State.STOPPED : Progress.State.DONE);
        } catch (RuntimeException | Error failure) {
            progress.end(Progress.State.FAILED);
            recorder.failure(failure);
            throw failure;
        } finally {
            // whatever happens here, the folder is let go
            try (recorder) {
                if (bestWeights != null) {
                    bestWeights.restore();
                    bestWeights.close();
                }
            }
        }
    }

    private void runEpochs() {
        Splits data = plan.data();
        try (Optimizer optimizer =
                        Optimizers.create(
                                recipe, network.parameters(), network.manager(), optimizerState);
                BatchLoader training = loader(data.train());
                BatchLoader selecting = loader(data.selecting())) {
            runEpoch(plan.start().partial(), optimizer, training, selecting);
            while (!stopped && continues()) {
                runEpoch(TrainingState.Partial.NONE, optimizer, training, selecting);
            }
        }
    }

    private BatchLoader loader(Examples examples) {
        return new BatchLoader(examples, plan.preprocessing(), recipe.batchSize(), 1);
    }

    private boolean continues() {
        if (epochsDone >= recipe.epochs()) {
            return false;
        }
        return recipe.patience() == null
                || selection.waited(progress.rows(), recipe.minDelta()) < recipe.patience();
    }

    /**
     * Returns the next batch, or null at the end of the pass or where the run is to stop. This is
     * the only place that looks whether it is.
     */
    private Batch next(BatchLoader loader) {
        stopped = stopRequested || step >= lastStep;
        return stopped ? null : loader.next();
    }

    /** Runs an epoch, or as much of it as there is before a stop. */
    private void runEpoch(
            TrainingState.Partial from,
            Optimizer optimizer,
            BatchLoader training,
            BatchLoader selecting) {
        try (Tally tally = new Tally(network.manager(), plan.objective().metrics(), from)) {
            long begin = System.nanoTime() - (long) (from.seconds() * 1e9);
            training.restart(plan.epochs().order(epochsDone, from.examples()));
            trainEpoch(begin, optimizer, training, tally);
            double seconds = seconds(begin);
            long validationBegin = System.nanoTime();
            Splits data = plan.data();
            Map<String, Double> metrics = named("train", tally.metrics());
            if (!stopped) {
                selecting.restart(null);
                Measurement measurement =
                        measure(selecting, data.selecting(), Progress.State.VALIDATING);
                metrics.putAll(named(data.part(), measurement.metrics()));
            }
            if (stopped) {
                recorder.last(state(tally.partial(seconds)), optimizer);
                return;
            }
            finish(
                    new EpochRow(
                            epochsDone + 1,
                            step,
                            seconds,
                            seconds(validationBegin),
                            tally.examples() / seconds,
                            schedule.lr(step - 1, progress.rows()),
                            metrics),
                    optimizer);
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

    private void trainEpoch(long begin, Optimizer optimizer, BatchLoader loader, Tally tally) {
        long done = tally.examples();
        progress.begin(Progress.State.TRAINING, epochsDone + 1, plan.epochs().examples(), done);
        pass.begin();
        for (Batch next = next(loader); next != null; next = next(loader)) {
            try (Batch batch = next) {
                trainStep(batch, optimizer, tally);
                done += batch.count();
            }
            pass.stepDone();
            progress.advance(step, done, tally.metrics());
            if (recorder.isDue(step)) {
                tally.flush();
                recorder.last(state(tally.partial(seconds(begin))), optimizer);
            }
            pass.lap(GradientPass.Task.BOOKKEEPING);
        }
        tally.flush();
        progress.advance(step, done, tally.metrics());
    }

    private void trainStep(Batch batch, Optimizer optimizer, Tally tally) {
        try (NDManager manager = network.manager().newSubManager()) {
            plan.stochasticDepth().begin(step);
            Objective.Value value = pass.run(Minibatch.of(batch, manager));
            try (Gradients gradients = gradients()) {
                transforms.forEach(transform -> transform.apply(gradients.byName()));
                optimizer.step(gradients.byName(), schedule.lr(step, progress.rows()), step);
            }
            pass.lap(GradientPass.Task.OPTIMIZER);
            step++;
            tally.add(step, batch.count(), value);
        }
    }

    private Gradients gradients() {
        return new Gradients(network.parameters(), network.manager().getEngine());
    }

    /** Evaluates the network; the result is of no use where the run stopped meanwhile. */
    private Measurement measure(BatchLoader loader, Examples examples, Progress.State phase) {
        int epoch = phase == Progress.State.TESTING ? epochsDone : epochsDone + 1;
        progress.begin(phase, epoch, examples.size(), 0);
        Measurement measurement = plan.objective().measurement();
        Evaluator.run(
                network,
                measurement,
                () -> next(loader),
                () -> progress.advance(step, measurement.examples(), measurement.metrics()));
        double loss = measurement.examples() == 0 ? 0 : measurement.metrics().get(Metric.LOSS);
        if (!Double.isFinite(loss)) {
            // the epoch's last step spoiled the weights; they must not take a good one's place
            throw new NonFiniteLossException(step, (float) loss);
        }
        return measurement;
    }

    private void finish(EpochRow row, Optimizer optimizer) {
        boolean best = selection.isBest(row, progress.rows());
        progress.add(row);
        epochsDone = row.epoch();
        if (best && bestWeights != null) {
            bestWeights.keep();
        }
        recorder.epoch(row, best, state(TrainingState.Partial.NONE), optimizer);
        onEpoch.accept(row);
    }

    /** Evaluates the best epoch's network on the test data, unless an earlier process has. */
    private void test() {
        // an earlier process may have lost the best weights, of which it has warned
        int epoch = bestWeights.restore() ? selection.best(progress.rows()).epoch() : epochsDone;
        JsonObject result = recorder.testResult(epoch);
        if (result == null) {
            Examples test = plan.data().test();
            try (BatchLoader loader = loader(test)) {
                loader.restart(null);
                Measurement measurement = measure(loader, test, Progress.State.TESTING);
                if (stopped) {
                    return;
                }
                result = new JsonObject();
                result.addProperty("epoch", epoch);
                result.addProperty("examples", measurement.examples());
                measurement.metrics().forEach(result::addProperty);
            }
            recorder.test(result);
        }
        progress.tested(result);
    }

    private TrainingState state(TrainingState.Partial partial) {
        return new TrainingState(
                recipe, epochsDone, step, progress.rows(), partial, plan.fingerprints());
    }
}
