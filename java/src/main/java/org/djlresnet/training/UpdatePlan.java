package org.djlresnet.training;

/**
 * Groups steps into updates of the weights. A step computes the gradients of a batch; an update
 * takes the mean over {@code accumulate} batches, or fewer at the end of an epoch.
 *
 * @param steps the number of steps of an epoch
 * @param examples the number of examples of an epoch
 * @param batchSize the number of examples of a batch
 * @param accumulate the number of batches of an update
 */
record UpdatePlan(long steps, long examples, int batchSize, int accumulate) {

    /** Returns the number of updates of an epoch. */
    long perEpoch() {
        return (steps + accumulate - 1) / accumulate;
    }

    /**
     * Returns the update that a step belongs to.
     *
     * @param step the step, counted from 0 over the run
     * @return the update, counted from 0 over the run
     */
    long update(long step) {
        return step / steps * perEpoch() + step % steps / accumulate;
    }

    /** Returns whether a step is the last of its update. */
    boolean ends(long step) {
        long within = step % steps;
        return within % accumulate == accumulate - 1 || within == steps - 1;
    }

    /** Returns the number of examples of the update that a step belongs to. */
    long examples(long step) {
        long first = step % steps / accumulate * accumulate * batchSize;
        return Math.min((long) accumulate * batchSize, examples - first);
    }
}
