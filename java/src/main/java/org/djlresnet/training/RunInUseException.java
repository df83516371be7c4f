package org.djlresnet.training;

import org.djlresnet.UserException;

/** The run folder belongs to another run at the moment, which may end. */
public final class RunInUseException extends UserException {

    private static final long serialVersionUID = 1L;

    /**
     * @param message which folder, and who has it
     */
    public RunInUseException(String message) {
        super(message);
    }
}
