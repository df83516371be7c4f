package org.djlresnet.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import ai.djl.training.loss.Loss;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Consumer;
import org.djlresnet.UserException;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.data.Batch;
import org.djlresnet.data.BatchLoader;
import org.djlresnet.data.EpochOrder;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.evaluation.Evaluation;
import org.djlresnet.evaluation.Evaluator;
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
    private final ImageDataset train;
    private final ImageDataset test;
    private final RunFolder folder;
    private final Progress progress;
    private final Schedule schedule;
    private final Loss loss = Loss.softmaxCrossEntropyLoss();
    private final long trainExamples;
    private final long stepsPerEpoch;
    private volatile boolean stopRequested;
    private Consumer<EpochRow> onEpoch = row -> {};

    private long step;
    private double bestTestAccuracy = Double.NEGATIVE_INFINITY;

    /**
     * Makes a run ready.
     *
     * @param recipe the recipe
     * @param network a network for the data; it is trained in place
     * @param train the training data, at least 2 examples
     * @param test the test data
     * @param folder where the run leaves its files, or null to leave none
     * @throws UserException if the data do not fit the network or are too few
     */
    public Trainer(
            Recipe recipe,
            Network network,
            ImageDataset train,
            ImageDataset test,
            RunFolder folder) {
        Evaluator.requireFit(network, train);
        Evaluator.requireFit(network, test);
        if (train.size() < 2) {
            throw new UserException(
                    "Training needs at least 2 examples. Received: " + train.size());
        }
        this.recipe = recipe;
        this.network = network;
        this.train = train;
        this.test = test;
        this.folder = folder;
        progress = new Progress(recipe.epochs());
        int lone = train.size() % recipe.batchSize() == 1 ? 1 : 0;
        trainExamples = train.size() - lone;
        stepsPerEpoch = (trainExamples + recipe.batchSize() - 1) / recipe.batchSize();
        schedule = new Schedule(recipe, stepsPerEpoch);
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
     * Returns the size of the images that the network sees.
     *
     * @return their height and width, or null if the two differ
     */
    public Integer imageSize() {
        if (recipe.imageSize() != null) {
            return recipe.imageSize();
        }
        return train.height() == train.width() ? train.height() : null;
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
     * Trains until all epochs are done or the run is asked to stop.
     *
     * @throws NonFiniteLossException if the loss is no number any more
     * @throws UncheckedIOException if a file cannot be written
     */
    public void run() {
        EngineTraits.of(network.manager().getEngine()).prepareThread();
        try (Sgd optimizer = new Sgd(recipe, network.parameters(), network.manager());
                BatchLoader trainLoader =
                        new BatchLoader(
                                train,
                                recipe.batchSize(),
                                order(0),
                                recipe.imageSize() == null ? 0 : recipe.imageSize());
                BatchLoader testLoader =
                        Evaluator.loader(test, recipe.batchSize(), recipe.imageSize())) {
            log("started: " + recipe.toTree());
            boolean completed = true;
            for (int epoch = 0; epoch < recipe.epochs() && completed; epoch++) {
                if (epoch > 0) {
                    trainLoader.restart(order(epoch));
                    testLoader.restart(null);
                }
                completed = runEpoch(epoch, optimizer, trainLoader, testLoader);
            }
            log(completed ? "done" : "stopped at step " + step);
            progress.end(completed ? Progress.State.DONE : Progress.State.STOPPED);
        } catch (RuntimeException | Error failure) {
            progress.end(Progress.State.FAILED);
            logFailure(failure);
            throw failure;
        }
    }

    private int[] order(int epoch) {
        int[] order = EpochOrder.of(recipe.seed(), epoch, train.size());
        return Arrays.copyOf(order, (int) trainExamples);
    }

    /** Returns whether the epoch was completed rather than stopped. */
    private boolean runEpoch(
            int epoch, Sgd optimizer, BatchLoader trainLoader, BatchLoader testLoader) {
        try (Tally tally = new Tally(network.manager())) {
            long start = System.nanoTime();
            trainEpoch(epoch, optimizer, trainLoader, tally);
            double seconds = (System.nanoTime() - start) / 1e9;
            Evaluation evaluation = null;
            if (!stopRequested) {
                start = System.nanoTime();
                evaluation = validate(epoch, testLoader);
            }
            if (evaluation == null) {
                save(folder == null ? null : folder.last(), epoch, seconds, tally, optimizer);
                return false;
            }
            double validationSeconds = (System.nanoTime() - start) / 1e9;
            if (!Double.isFinite(evaluation.loss())) {
                // the epoch's last step spoiled the weights; they must not take a good one's place
                throw new NonFiniteLossException(step, (float) evaluation.loss());
            }
            EpochRow row =
                    new EpochRow(
                            epoch + 1,
                            step,
                            seconds,
                            validationSeconds,
                            tally.examples() / seconds,
                            schedule.lr(step - 1),
                            tally.loss(),
                            tally.accuracy(),
                            evaluation.loss(),
                            evaluation.accuracy());
            finish(row, optimizer);
            return true;
        }
    }

    private void trainEpoch(int epoch, Sgd optimizer, BatchLoader loader, Tally tally) {
        progress.begin(Progress.State.TRAINING, epoch + 1, trainExamples);
        long done = 0;
        Batch next = stopRequested ? null : loader.next();
        while (next != null) {
            try (Batch batch = next) {
                trainStep(batch, optimizer, tally);
                done += batch.count();
            }
            progress.advance(step, done, tally);
            next = stopRequested ? null : loader.next();
        }
        tally.flush();
        progress.advance(step, done, tally);
    }

    private void trainStep(Batch batch, Sgd optimizer, Tally tally) {
        try (NDManager manager = network.manager().newSubManager()) {
            NDArray images =
                    manager.create(batch.images(), new Shape(batch.shape()), DataType.FLOAT32);
            NDArray labels =
                    manager.create(batch.labels(), new Shape(batch.count()), DataType.INT32);
            NDArray logits;
            NDArray meanLoss;
            try (GradientCollector collector =
                    network.manager().getEngine().newGradientCollector()) {
                logits = network.forward(images, true);
                meanLoss = loss.evaluate(new NDList(labels), new NDList(logits));
                collector.backward(meanLoss);
            }
            optimizer.step(schedule.lr(step));
            step++;
            NDArray right =
                    logits.argMax(1)
                            .toType(DataType.INT32, false)
                            .eq(labels)
                            .toType(DataType.FLOAT32, false)
                            .sum();
            tally.add(step, batch.count(), meanLoss.duplicate(), right);
        }
    }

    /** Returns null if the run was asked to stop meanwhile. */
    private Evaluation validate(int epoch, BatchLoader loader) {
        progress.begin(Progress.State.VALIDATING, epoch + 1, test.size());
        return Evaluator.run(
                network,
                loader,
                done -> {
                    progress.advance(step, done, null);
                    return !stopRequested;
                });
    }

    private void finish(EpochRow row, Sgd optimizer) {
        progress.add(row);
        log("epoch " + row.toJson());
        onEpoch.accept(row);
        if (folder == null) {
            return;
        }
        folder.append(row);
        boolean best = row.testAccuracy() > bestTestAccuracy;
        bestTestAccuracy = Math.max(bestTestAccuracy, row.testAccuracy());
        save(folder.last(), row.epoch(), 0, null, optimizer);
        if (best) {
            save(folder.best(), row.epoch(), 0, null, optimizer);
        }
    }

    private void save(Path file, int epochsDone, double seconds, Tally partial, Sgd optimizer) {
        if (file == null) {
            return;
        }
        TrainingState state =
                new TrainingState(
                        recipe,
                        epochsDone,
                        step,
                        bestTestAccuracy,
                        progress.rows(),
                        partial == null
                                ? TrainingState.Partial.NONE
                                : new TrainingState.Partial(
                                        partial.examples(),
                                        partial.lossSum(),
                                        partial.correct(),
                                        seconds));
        try {
            Checkpoint.save(file, network, imageSize(), state.toJson(), optimizer.state());
        } catch (IOException failure) {
            throw new UncheckedIOException(
                    "Cannot write the checkpoint "
                            + file
                            + ": "
                            + failure.getMessage()
                            + ". Checkpoints written before are whole",
                    failure);
        }
    }

    private void log(String message) {
        if (folder != null) {
            folder.log(message);
        }
    }

    private void logFailure(Throwable failure) {
        try {
            log("failed: " + failure);
        } catch (UncheckedIOException alsoFailed) {
            failure.addSuppressed(alsoFailed);
        }
    }
}
