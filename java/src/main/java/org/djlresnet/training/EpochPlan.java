package org.djlresnet.training;

import java.util.Arrays;
import org.djlresnet.UserException;
import org.djlresnet.data.EpochOrder;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.recipe.SettingException;

/** The plan of an epoch: its examples, their order and the number of steps. */
final class EpochPlan {

    /**
     * Batch normalization over fewer examples ruins training: with 256 + 2 examples the chapter's
     * network diverges, with 256 + 16 it learns (3 seeds each).
     */
    private static final int ENOUGH = 16;

    private final int size;
    private final int batchSize;
    private final long seed;
    private final int examples;

    /**
     * Creates a plan.
     *
     * @param size the number of training examples
     * @param batchSize the number of examples in a batch
     * @param dropLast whether an incomplete last batch is dropped. Null drops it if it has fewer
     *     than 16 examples and is less than half full, unless it is the only one. A single example
     *     is always dropped, because batch normalization has no variance over one value
     * @param seed the seed of the order
     * @throws UserException if there are too few examples
     */
    EpochPlan(int size, int batchSize, Boolean dropLast, long seed) {
        if (size < 2) {
            throw new UserException("Training needs at least 2 examples. Received: " + size + ".");
        }
        this.size = size;
        this.batchSize = batchSize;
        this.seed = seed;
        int rest = size % batchSize;
        examples = rest > 0 && drops(rest, dropLast) ? size - rest : size;
        if (examples == 0) {
            throw SettingException.of(
                    "\"drop_last\" would drop all %s examples. Received: \"batch_size\""
                            + " %s. Use a smaller \"batch_size\".",
                    size, batchSize);
        }
    }

    private boolean drops(int rest, Boolean dropLast) {
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
     * @param epoch the number of completed epochs
     * @param done the number of examples to skip at its beginning
     * @return indices of examples
     */
    int[] order(int epoch, long done) {
        return Arrays.copyOfRange(EpochOrder.of(seed, epoch, size), (int) done, examples);
    }

    /**
     * Creates the plan of a new or resumed run.
     *
     * @param start the state of the run
     * @param size the number of training examples
     * @throws UserException if there are too few examples, or the state does not match them
     */
    static EpochPlan of(TrainingState start, int size) {
        Recipe recipe = start.recipe();
        EpochPlan plan = new EpochPlan(size, recipe.batchSize(), recipe.dropLast(), recipe.seed());
        if (plan.fits(start)) {
            return plan;
        }
        throw UserException.of(
                "The checkpoint at step %s of epoch %s does not match %s examples in"
                        + " batches of %s. Give the data of the run.",
                start.step(), start.epochsDone() + 1, size, recipe.batchSize());
    }

    private boolean fits(TrainingState state) {
        return state.step() == state.epochsDone() * steps() + stepsFor(state.partial().examples());
    }

    private long stepsFor(long examples) {
        return (examples + batchSize - 1) / batchSize;
    }
}
