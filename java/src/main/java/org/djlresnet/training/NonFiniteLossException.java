package org.djlresnet.training;

import org.djlresnet.TrainingException;

/** Reports that the loss became NaN or infinite. */
public final class NonFiniteLossException extends TrainingException {

    private static final long serialVersionUID = 1L;

    /** The step of the loss. */
    private final long step;

    NonFiniteLossException(long step, float loss) {
        super(
                "The loss became "
                        + loss
                        + " at step "
                        + step
                        + ". Start a new run with a lower learning rate or a warm-up.");
        this.step = step;
    }

    /**
     * Returns the step.
     *
     * @return the step, counted from 1
     */
    public long step() {
        return step;
    }
}
