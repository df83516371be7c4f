package org.djlresnet.training;

import ai.djl.ndarray.NDList;
import ai.djl.training.GradientCollector;
import org.djlresnet.model.Network;
import org.djlresnet.objective.Minibatch;
import org.djlresnet.objective.Objective;

/** Computes the loss and gradients of a batch. {@link Profiler} also measures the time. */
class GradientPass {

    /** The tasks of a step other than the passes through the network, for {@link #lap}. */
    enum Task {
        /** Waiting for the next batch, and creating its arrays. */
        DATA,
        /** Updating the parameters. */
        OPTIMIZER,
        /** Metrics, progress, freeing memory, checkpoints within an epoch. */
        BOOKKEEPING
    }

    private final Network network;
    final Objective objective;

    GradientPass(Network network, Objective objective) {
        this.network = network;
        this.objective = objective;
    }

    /**
     * Computes the gradient of each trained parameter.
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

    /** Starts the clock before the first step of an epoch. */
    void begin() {}

    /** Attributes the time since the last reading to a task. */
    void lap(Task task) {}

    /** Ends a step. */
    void stepDone() {}
}
