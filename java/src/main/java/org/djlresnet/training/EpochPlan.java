package org.djlresnet.training;

import java.util.Arrays;
import org.djlresnet.UserException;
import org.djlresnet.data.EpochOrder;

/** What an epoch consists of: which examples, in which order, in how many steps. */
final class EpochPlan {

    /**
     * Batch normalization over fewer examples spoils a training: with 256 + 2 examples the
     * chapter's network diverges, with 256 + 16 it learns (3 seeds each).
     */
    private static final int ENOUGH = 16;

    private final int size;
    private final int batchSize;
    private final long seed;
    private final int examples;

    /**
     * Plans.
     *
     * @param size the number of training examples there are
     * @param batchSize the number of examples of a batch
     * @param dropLast whether an incomplete last batch is left out; null leaves out one of fewer
     *     than 16 examples that is also less than half a batch, unless it is the only one. One of a
     *     single example is always left out: batch normalization has no variance over one value
     * @param seed the seed of the order
     * @throws UserException if there are too few examples
     */
    EpochPlan(int size, int batchSize, Boolean dropLast, long seed) {
        if (size < 2) {
            throw new UserException("Training needs at least 2 examples. Received: " + size);
        }
        this.size = size;
        this.batchSize = batchSize;
        this.seed = seed;
        int rest = size % batchSize;
        examples = rest > 0 && leavesOut(rest, dropLast) ? size - rest : size;
        if (examples == 0) {
            throw new UserException(
                    "\"drop_last\" would leave out all examples. Received: "
                            + size
                            + " examples, batch_size "
                            + batchSize
                            + ". Use a smaller batch_size");
        }
    }

    private boolean leavesOut(int rest, Boolean dropLast) {
        if (dropLast != null) {
            return dropLast || rest == 1;
        }
        return rest < size && (rest == 1 || rest < ENOUGH && 2 * rest < batchSize);
    }

    /** Returns the number of examples of an epoch. */
    int examples() {
        return examples;
    }

    /** Returns the number of steps of an epoch. */
    long steps() {
        return stepsFor(examples);
    }

    /**
     * Returns the order of an epoch's examples, a pure function of the seed and the epoch.
     *
     * @param epoch the number of epochs before
     * @param done how many of its first examples are left out, for they are done
     * @return indices of examples
     */
    int[] order(int epoch, long done) {
        return Arrays.copyOfRange(EpochOrder.of(seed, epoch, size), (int) done, examples);
    }

    /**
     * Makes sure that a run on these data can stand where it is said to.
     *
     * @param state where the run stands
     * @throws UserException if it cannot
     */
    void requireFit(TrainingState state) {
        long steps = state.epochsDone() * steps() + stepsFor(state.partial().examples());
        if (state.step() != steps) {
            throw new UserException(
                    String.format(
                            "The checkpoint stands at step %d of epoch %d, which %d examples in"
                                    + " batches of %d do not give. Are these the data of its run?",
                            state.step(), state.epochsDone() + 1, size, batchSize));
        }
    }

    private long stepsFor(long examples) {
        return (examples + batchSize - 1) / batchSize;
    }
}
