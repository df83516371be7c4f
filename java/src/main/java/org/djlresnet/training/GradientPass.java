package org.djlresnet.training;

import org.djlresnet.objective.Minibatch;
import org.djlresnet.objective.Objective;
import org.djlresnet.optimizer.Gradients;

/** Computes the loss and gradients of a batch. {@link Profiler} also measures the time. */
interface GradientPass extends AutoCloseable {

    /** The tasks of a step other than the passes through the network, for {@link #lap}. */
    enum Task {
        /** Waiting for the next batch, and creating its arrays. */
        DATA,
        /** Updating the parameters. */
        OPTIMIZER,
        /** Metrics, progress, freeing memory, checkpoints within an epoch. */
        BOOKKEEPING
    }

    /**
     * The results of a batch.
     *
     * @param value loss and sums, on the batch's manager
     * @param gradients the gradient of each trained parameter
     */
    record Result(Objective.Value value, Gradients gradients) {}

    /**
     * Computes the gradient of each trained parameter, and updates the running statistics.
     *
     * @param batch the batch
     * @return the results
     */
    Result run(Minibatch batch);

    /** Starts the clock before the first step of an epoch. */
    default void begin() {}

    /** Attributes the time since the last reading to a task. */
    default void lap(Task task) {}

    /** Ends a step. */
    default void stepDone() {}

    /** Frees what the pass holds. */
    @Override
    default void close() {}
}
