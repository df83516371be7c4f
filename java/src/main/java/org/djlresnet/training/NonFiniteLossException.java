package org.djlresnet.training;

import org.djlresnet.TrainingException;

/** The loss became NaN or infinite; the weights are of no use from that step on. */
public final class NonFiniteLossException extends TrainingException {

    private static final long serialVersionUID = 1L;

    /** The step whose loss it was. */
    private final long step;

    NonFiniteLossException(long step, float loss) {
        super(
                "The loss became "
                        + loss
                        + " at step "
                        + step
                        + ". Checkpoints written before are kept. Try a lower learning rate, or a"
                        + " warm-up");
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
