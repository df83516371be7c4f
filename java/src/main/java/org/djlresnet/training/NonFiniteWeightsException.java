package org.djlresnet.training;

import org.djlresnet.TrainingException;

/** Reports that a weight became NaN or infinite, so no checkpoint is written. */
public final class NonFiniteWeightsException extends TrainingException {

    private static final long serialVersionUID = 1L;

    NonFiniteWeightsException(long step, String name) {
        super(
                name
                        + " is not finite after step "
                        + step
                        + ". Start a new run with a lower learning rate or a warm-up.");
    }
}
