package org.djlresnet.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Map;
import org.djlresnet.data.Batch;
import org.djlresnet.data.BatchLoader;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.Network;
import org.djlresnet.objective.Metric;
import org.djlresnet.objective.Minibatch;
import org.djlresnet.optimizer.Gradients;
import org.djlresnet.recipe.Recipe;

/**
 * Trains at the rates of a sweep until it ends or a stop is requested, without evaluations and
 * checkpoints. Afterwards the network's weights are useless.
 */
final class SweepRun {

    private final Trainer trainer;
    private final TrainingPlan plan;
    private final Network network;
    private final LrSweep sweep;
    private long step;

    /**
     * Prepares a sweep.
     *
     * @param trainer a run that writes no files and is not started
     * @param sweep receives the losses
     */
    SweepRun(Trainer trainer, LrSweep sweep) {
        this.trainer = trainer;
        this.sweep = sweep;
        plan = trainer.plan();
        network = plan.network();
    }

    void run() {
        EngineTraits.of(network.manager().getEngine()).disableRecording();
        Progress progress = trainer.progress();
        progress.begin(Progress.State.TRAINING, 1, sweep.steps(), 0);
        Recipe recipe = plan.recipe();
        try (GradientPass pass = plan.pass();
                WeightUpdates updates =
                        new WeightUpdates(
                                recipe,
                                network,
                                plan.updates(),
                                gradients -> {},
                                new GradientLog(null, recipe, network, 1),
                                Map.of());
                BatchLoader loader = plan.trainingLoader()) {
            for (int epoch = 0; continues(); epoch++) {
                loader.restart(plan.epochs().order(epoch, 0), epoch);
                for (Batch next = loader.next(); next != null; next = next(loader)) {
                    try (Batch batch = next) {
                        step(batch, pass, updates, epoch + 1);
                    }
                    progress.advance(step, sweep.done(), Map.of(Metric.LOSS, sweep.loss()));
                }
            }
            boolean stopped = trainer.isStopRequested();
            progress.end(stopped ? Progress.State.STOPPED : Progress.State.DONE);
        } catch (RuntimeException | Error failure) {
            progress.end(Progress.State.FAILED);
            throw failure;
        }
    }

    private boolean continues() {
        return !sweep.ended() && !trainer.isStopRequested();
    }

    private Batch next(BatchLoader loader) {
        return continues() ? loader.next() : null;
    }

    private void step(Batch batch, GradientPass pass, WeightUpdates updates, int epoch) {
        try (NDManager manager = network.manager().newSubManager()) {
            plan.stochasticDepth().begin(step);
            Minibatch minibatch =
                    plan.latents()
                            .training(
                                    Minibatch.of(batch, manager),
                                    step,
                                    plan.updates().update(step));
            GradientPass.Result result = pass.run(minibatch);
            try (Gradients gradients = result.gradients();
                    NDArray loss = result.value().loss()) {
                // before the update: its rate is that of this loss
                double lr = sweep.lr();
                sweep.add(loss.getFloat());
                updates.add(gradients.byName(), batch.count(), step, lr, epoch);
            }
            step++;
        }
    }
}
