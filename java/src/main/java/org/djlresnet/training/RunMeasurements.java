package org.djlresnet.training;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import org.djlresnet.data.Batch;
import org.djlresnet.data.BatchLoader;
import org.djlresnet.data.Examples;
import org.djlresnet.evaluation.Evaluator;
import org.djlresnet.evaluation.NormStatistics;
import org.djlresnet.model.Inference;
import org.djlresnet.model.Network;
import org.djlresnet.objective.Measurement;
import org.djlresnet.objective.Metric;
import org.djlresnet.objective.Minibatch;

/**
 * Measures the network of a run: after each epoch, with the average of its weights, and at the end.
 */
final class RunMeasurements implements AutoCloseable {

    /** Running statistics over more examples than these hardly differ. */
    private static final int ENOUGH_EXAMPLES = 10_000;

    private final TrainingPlan plan;
    private final Latents latents;
    private final Network network;
    private final Progress progress;
    private final Function<BatchLoader, Batch> next;
    private final BooleanSupplier stopped;

    /** Compiled at the first measurement; null before. */
    private Inference inference;

    /**
     * Prepares measurements.
     *
     * @param plan the run
     * @param progress is advanced
     * @param next returns the next batch of a loader, or null at the end or if a stop is requested
     * @param stopped whether a stop was requested
     */
    RunMeasurements(
            TrainingPlan plan,
            Progress progress,
            Function<BatchLoader, Batch> next,
            BooleanSupplier stopped) {
        this.plan = plan;
        network = plan.network();
        latents = plan.latents();
        this.progress = progress;
        this.next = next;
        this.stopped = stopped;
    }

    /** Returns a loader without augmentation. */
    BatchLoader loader(Examples examples) {
        return new BatchLoader(examples, plan.preprocessing(), plan.recipe().batchSize());
    }

    /** Evaluates the network after an epoch; the result is incomplete if the run was stopped. */
    Measurement validate(BatchLoader loader, long step, int epochsDone) {
        Examples examples = plan.data().selecting();
        return measure(loader, examples, Progress.State.VALIDATING, step, epochsDone + 1);
    }

    /**
     * Measures the average of the weights, or repeats the weights' own measurement before it
     * begins.
     */
    Measurement average(
            WeightAverage average,
            Measurement ofWeights,
            BatchLoader training,
            BatchLoader selecting,
            long step,
            int epochsDone) {
        if (!average.enter(epochsDone)) {
            average.leave(epochsDone, true);
            return ofWeights;
        }
        try {
            if (average.needsStatistics()) {
                int[] order = plan.epochs().order(epochsDone, 0);
                training.restart(Arrays.copyOf(order, Math.min(order.length, ENOUGH_EXAMPLES)));
                plan.stochasticDepth().end();
                NormStatistics.compute(network, forward -> forEach(training, forward));
            }
            selecting.restart(null);
            return validate(selecting, step, epochsDone);
        } finally {
            average.leave(epochsDone, !stopped.getAsBoolean());
        }
    }

    private void forEach(BatchLoader loader, Consumer<NDList> inputs) {
        long first = 0;
        for (Batch one = next.apply(loader); one != null; one = next.apply(loader)) {
            try (Batch batch = one;
                    NDManager scope = network.manager().newSubManager()) {
                inputs.accept(
                        latents.evaluation(Minibatch.of(batch, scope), first)
                                .inputs(network.inputs()));
                first += batch.count();
            }
        }
    }

    /** Evaluates the final network; null if the run was stopped. */
    Measurement test(Examples examples, long step, int epochsDone) {
        try (BatchLoader loader = loader(examples)) {
            loader.restart(null);
            Measurement measurement =
                    measure(loader, examples, Progress.State.TESTING, step, epochsDone);
            return stopped.getAsBoolean() ? null : measurement;
        }
    }

    /** Evaluates the network; the result is incomplete if the run was stopped. */
    private Measurement measure(
            BatchLoader loader, Examples examples, Progress.State phase, long step, int epoch) {
        progress.begin(phase, epoch, examples.size(), 0);
        Measurement measurement = plan.objective().measurement();
        if (inference == null) {
            inference = new Inference(network, plan.recipe().precision(), plan.recipe().compile());
        }
        try {
            Evaluator.run(
                    network,
                    batch ->
                            inference.forward(
                                    latents.evaluation(batch, measurement.examples())
                                            .inputs(network.inputs())),
                    measurement,
                    () -> next.apply(loader),
                    () -> progress.advance(step, measurement.examples(), measurement.metrics()));
        } finally {
            inference.refresh();
        }
        double loss = measurement.examples() == 0 ? 0 : measurement.metrics().get(Metric.LOSS);
        if (!Double.isFinite(loss)) {
            // the last step ruined the weights; they must not replace a good checkpoint
            throw new NonFiniteLossException(step, (float) loss);
        }
        return measurement;
    }

    /** Frees the program. */
    @Override
    public void close() {
        if (inference != null) {
            inference.close();
        }
    }
}
