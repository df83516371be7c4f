package org.djlresnet.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.training.GradientCollector;
import ai.djl.training.loss.Loss;
import org.djlresnet.model.Network;

/** Computes a batch's loss and its gradients. {@link Profile} does the same by the clock. */
class GradientPass {

    /** What a step does beside the passes through the network, for {@link #lap}. */
    enum Task {
        /** Waiting for the next batch, and making arrays of it. */
        DATA,
        /** Moving the parameters. */
        OPTIMIZER,
        /** Right answers, sums, progress, freeing the step's memory, checkpoints in an epoch. */
        BOOKKEEPING
    }

    /**
     * What a batch came to.
     *
     * @param logits (N, classes)
     * @param meanLoss a scalar
     */
    record Outcome(NDArray logits, NDArray meanLoss) {}

    private final Network network;
    private final Loss loss = Loss.softmaxCrossEntropyLoss();

    GradientPass(Network network) {
        this.network = network;
    }

    /**
     * Leaves each trained parameter its gradient.
     *
     * @param images (N, C, H, W)
     * @param labels a class for each, (N)
     * @return loss and logits, on the images' manager
     */
    Outcome run(NDArray images, NDArray labels) {
        try (GradientCollector collector = network.manager().getEngine().newGradientCollector()) {
            NDArray logits = network.forward(images, true);
            NDArray meanLoss = loss(logits, labels);
            collector.backward(meanLoss);
            return new Outcome(logits, meanLoss);
        }
    }

    final NDArray loss(NDArray logits, NDArray labels) {
        return loss.evaluate(new NDList(labels), new NDList(logits));
    }

    /** Starts the clock, if there is one, at the beginning of steps. */
    void begin() {}

    /** Puts the time since the clock was last read down to a task, if there is a clock. */
    void lap(Task task) {}

    /** Ends a step. */
    void stepDone() {}
}
