package org.djlresnet.training;

import ai.djl.ndarray.NDList;
import ai.djl.training.GradientCollector;
import org.djlresnet.model.Network;
import org.djlresnet.objective.Minibatch;
import org.djlresnet.objective.Objective;

/** Computes a batch's loss and its gradients. {@link Profiler} does the same by the clock. */
class GradientPass {

    /** What a step does besides the passes through the network, for {@link #lap}. */
    enum Task {
        /** Waiting for the next batch, and making arrays of it. */
        DATA,
        /** Moving the parameters. */
        OPTIMIZER,
        /** Sums, progress, freeing the step's memory, checkpoints in an epoch. */
        BOOKKEEPING
    }

    private final Network network;
    final Objective objective;

    GradientPass(Network network, Objective objective) {
        this.network = network;
        this.objective = objective;
    }

    /**
     * Leaves each trained parameter its gradient.
     *
     * @param batch the batch
     * @return loss and sums, on the batch's manager
     */
    Objective.Value run(Minibatch batch) {
        try (GradientCollector collector = network.manager().getEngine().newGradientCollector()) {
            NDList outputs = new NDList(network.forward(batch.images(), true));
            Objective.Value value = objective.apply(outputs, batch);
            collector.backward(value.loss());
            return value;
        }
    }

    /** Starts the clock, if there is one, at the beginning of steps. */
    void begin() {}

    /** Attributes the time since the clock was last read to a task, if there is a clock. */
    void lap(Task task) {}

    /** Ends a step. */
    void stepDone() {}
}
