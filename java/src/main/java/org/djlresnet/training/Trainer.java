package org.djlresnet.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.initializer.Initializer;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.function.Consumer;
import org.djlresnet.UserException;
import org.djlresnet.data.Batch;
import org.djlresnet.data.BatchLoader;
import org.djlresnet.data.Examples;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.evaluation.Evaluation;
import org.djlresnet.evaluation.Evaluator;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Network;
import org.djlresnet.recipe.Recipe;

/**
 * The training loop: epochs of shuffled batches, each followed by an evaluation on the test data
 * and a checkpoint.
 *
 * <p>The order of an epoch is a pure function of the seed and the epoch. Sums are weighted by
 * examples, so a short last batch counts as what it is; a last batch of a single example is left
 * out, since batch normalization has no variance over one value. One thread calls {@link #run}; any
 * thread may read {@link #progress} or call {@link #stop}.
 */
public final class Trainer {

    private final Recipe recipe;
    private final Network network;
    private final Examples train;
    private final Examples test;
    private final Preprocessing preprocessing;
    private final RunFolder folder;
    private final Recorder recorder;
    private final Progress progress;
    private final Schedule schedule;
    private final StochasticDepth stochasticDepth;
    private final GradientPass pass;
    private final TrainingState start;
    private final Map<String, Initializer> optimizerState;
    private final BestWeights bestWeights;
    private final EpochPlan plan;
    private final DataChecksums data;
    private volatile boolean stopRequested;
    private volatile long lastStep = Long.MAX_VALUE;
    private Consumer<EpochRow> onEpoch = row -> {};

    private long step;
    private int epochsDone;

    /**
     * Makes a new run ready.
     *
     * @param recipe the recipe
     * @param network a network for the data, of a known preprocessing; it is trained in place
     * @param train the training data, at least 2 examples
     * @param test the test data
     * @param folder where the run leaves its files, or null to leave none
     * @throws UserException if the data do not fit the network or are too few
     */
    public Trainer(
            Recipe recipe, Network network, Examples train, Examples test, RunFolder folder) {
        this(TrainingState.beginning(recipe), network, Map.of(), train, test, folder);
    }

    /**
     * Makes a run ready to go on.
     *
     * @param start where the run stands: its beginning, or a checkpoint's state
     * @param network the network in that state; it is trained in place
     * @param optimizerState the optimizer's state by name; what is missing is zero
     * @param train the training data, at least 2 examples
     * @param test the test data
     * @param folder where the run leaves its files, or null to leave none
     * @throws UserException if the data do not fit the network or the state, or are too few
     */
    public Trainer(
            TrainingState start,
            Network network,
            Map<String, Initializer> optimizerState,
            Examples train,
            Examples test,
            RunFolder folder) {
        this.start = start;
        this.recipe = start.recipe();
        preprocessing = network.specification().requirePreprocessing();
        Evaluator.requireFit(network, train);
        Evaluator.requireFit(network, test);
        plan = new EpochPlan(train.size(), recipe.batchSize(), recipe.seed());
        plan.requireFit(start);
        // where nothing is kept, no run goes on with them
        data = folder == null && start.data() == null ? null : DataChecksums.of(train, test);
        if (data != null) {
            data.requireSame(start.data());
        }
        stochasticDepth = new StochasticDepth(network, recipe.seed(), recipe.stochasticDepth());
        this.network = network;
        this.optimizerState = optimizerState;
        this.train = train;
        this.test = test;
        this.folder = folder;
        ImageShape input = BatchLoader.requireFit(train, preprocessing, recipe.batchSize());
        BatchLoader.requireFit(test, preprocessing, recipe.batchSize());
        network.arrangeFor(input.height(), input.width());
        pass = recipe.profile() ? new Profile(network) : new GradientPass(network);
        recorder = new Recorder(folder, network, recipe, start.step());
        bestWeights = recipe.patience() == null ? null : new BestWeights(network);
        progress = new Progress(recipe.epochs(), start);
        schedule = new Schedule(recipe, plan.steps());
        step = start.step();
        epochsDone = start.epochsDone();
    }

    /**
     * Reads the weights of the best epoch so far, with which a run that has a patience ends.
     *
     * @throws UserException if they cannot be read; the run can go on without
     */
    void recallBest() {
        if (bestWeights != null && folder != null && !start.history().isEmpty()) {
            bestWeights.read(folder.best());
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
     * Returns where the time of a step goes, once the run has ended.
     *
     * @return the profile, or null if the recipe asks for none
     */
    public Profile profile() {
        return pass instanceof Profile profile ? profile : null;
    }

    /**
     * Sets what is told of each epoch at its end, on the thread that trains.
     *
     * @param listener takes the epoch's row
     */
    public void onEpoch(Consumer<EpochRow> listener) {
        onEpoch = listener;
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
        lastStep = start.step() + steps;
    }

    /**
     * Trains until all epochs are done, the patience is at its end or the run is asked to stop.
     * With a patience the network then has the weights of its best epoch.
     *
     * @throws NonFiniteLossException if the loss is no number any more
     * @throws UncheckedIOException if a file cannot be written
     */
    public void run() {
        EngineTraits.of(network.manager().getEngine()).prepareThread();
        try {
            recorder.log(
                    (step == 0 ? "started: " : "resumed at step " + step + ": ") + recipe.toTree());
            boolean stopped = goesOn() && !runEpochs();
            recorder.profile(profile());
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
                }
            }
        }
    }

    /** Returns whether the epochs were completed rather than stopped. */
    private boolean runEpochs() {
        try (Sgd optimizer =
                        new Sgd(recipe, network.parameters(), network.manager(), optimizerState);
                BatchLoader trainLoader =
                        new BatchLoader(train, preprocessing, recipe.batchSize(), 1);
                BatchLoader testLoader =
                        new BatchLoader(test, preprocessing, recipe.batchSize(), 1)) {
            boolean completed = runEpoch(start.partial(), optimizer, trainLoader, testLoader);
            while (completed && goesOn()) {
                completed =
                        runEpoch(TrainingState.Partial.NONE, optimizer, trainLoader, testLoader);
            }
            return completed;
        }
    }

    private boolean goesOn() {
        if (epochsDone >= recipe.epochs()) {
            return false;
        }
        if (recipe.patience() == null) {
            return true;
        }
        return EpochRow.waited(progress.rows(), recipe.minDelta()) < recipe.patience();
    }

    /** Returns whether the epoch was completed rather than stopped. */
    private boolean runEpoch(
            TrainingState.Partial from,
            Sgd optimizer,
            BatchLoader trainLoader,
            BatchLoader testLoader) {
        try (Tally tally = new Tally(network.manager())) {
            tally.restore(from);
            long begin = System.nanoTime() - (long) (from.seconds() * 1e9);
            trainLoader.restart(plan.order(epochsDone, from.examples()));
            trainEpoch(begin, optimizer, trainLoader, tally);
            double seconds = (System.nanoTime() - begin) / 1e9;
            long validationBegin = System.nanoTime();
            testLoader.restart(null);
            Evaluation evaluation = stopRequested ? null : validate(testLoader);
            if (evaluation == null) {
                saveLast(optimizer, partial(tally, seconds));
                return false;
            }
            double validationSeconds = (System.nanoTime() - validationBegin) / 1e9;
            if (!Double.isFinite(evaluation.loss())) {
                // the epoch's last step spoiled the weights; they must not take a good one's place
                throw new NonFiniteLossException(step, (float) evaluation.loss());
            }
            finish(
                    new EpochRow(
                            epochsDone + 1,
                            step,
                            seconds,
                            validationSeconds,
                            tally.examples() / seconds,
                            schedule.lr(step - 1, progress.rows()),
                            tally.loss(),
                            tally.accuracy(),
                            evaluation.loss(),
                            evaluation.accuracy()),
                    optimizer);
            return true;
        }
    }

    private void trainEpoch(long begin, Sgd optimizer, BatchLoader loader, Tally tally) {
        long done = tally.examples();
        progress.begin(Progress.State.TRAINING, epochsDone + 1, plan.examples(), done);
        pass.begin();
        Batch next = stopRequested ? null : loader.next();
        while (next != null) {
            try (Batch batch = next) {
                trainStep(batch, optimizer, tally);
                done += batch.count();
            }
            pass.stepDone();
            advance(done, tally);
            if (step >= lastStep) {
                stop();
            }
            if (recorder.isDue(step)) {
                tally.flush();
                saveLast(optimizer, partial(tally, (System.nanoTime() - begin) / 1e9));
            }
            pass.lap(GradientPass.Task.BOOKKEEPING);
            next = stopRequested ? null : loader.next();
        }
        tally.flush();
        advance(done, tally);
    }

    private void advance(long done, Tally tally) {
        boolean known = tally.examples() > 0;
        progress.advance(step, done, known ? tally.loss() : null, known ? tally.accuracy() : null);
    }

    private void trainStep(Batch batch, Sgd optimizer, Tally tally) {
        try (NDManager manager = network.manager().newSubManager()) {
            NDArray images =
                    manager.create(batch.images(), new Shape(batch.shape()), DataType.FLOAT32);
            NDArray labels =
                    manager.create(batch.labels(), new Shape(batch.count()), DataType.INT32);
            stochasticDepth.begin(step);
            GradientPass.Outcome outcome = pass.run(images, labels);
            optimizer.step(schedule.lr(step, progress.rows()));
            pass.lap(GradientPass.Task.OPTIMIZER);
            step++;
            NDArray right =
                    outcome.logits()
                            .argMax(1)
                            .toType(DataType.INT32, false)
                            .eq(labels)
                            .toType(DataType.FLOAT32, false)
                            .sum();
            tally.add(step, batch.count(), outcome.meanLoss().duplicate(), right);
        }
    }

    /** Returns null if the run was asked to stop meanwhile. */
    private Evaluation validate(BatchLoader loader) {
        progress.begin(Progress.State.VALIDATING, epochsDone + 1, test.size(), 0);
        return Evaluator.run(
                network,
                loader,
                (done, meanLoss, accuracy) -> {
                    progress.advance(step, done, meanLoss, accuracy);
                    return !stopRequested;
                });
    }

    private void finish(EpochRow row, Sgd optimizer) {
        boolean best = row.isBetterThanAll(progress.rows());
        progress.add(row);
        epochsDone = row.epoch();
        if (best && bestWeights != null) {
            bestWeights.keep();
        }
        recorder.epoch(row, best, state(TrainingState.Partial.NONE), optimizer);
        onEpoch.accept(row);
    }

    private static TrainingState.Partial partial(Tally tally, double seconds) {
        return new TrainingState.Partial(
                tally.examples(), tally.lossSum(), tally.correct(), seconds);
    }

    private void saveLast(Sgd optimizer, TrainingState.Partial partial) {
        recorder.last(state(partial), optimizer);
    }

    private TrainingState state(TrainingState.Partial partial) {
        return new TrainingState(recipe, epochsDone, step, progress.rows(), partial, data);
    }
}
