package org.djlresnet.training;

import org.djlresnet.TrainingException;

/** A weight became NaN or infinite, which no checkpoint is to hold. */
public final class NonFiniteWeightsException extends TrainingException {

    private static final long serialVersionUID = 1L;

    NonFiniteWeightsException(long step, String name) {
        super(
                name
                        + " is not finite after step "
                        + step
                        + ". Checkpoints written before are kept. Try a lower learning rate, or a"
                        + " warm-up");
    }
}
