package org.djlresnet.training;

import org.djlresnet.UserException;

/** Reports that another run is writing to the run folder. */
public final class RunInUseException extends UserException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an exception.
     *
     * @param message names the folder and its owner
     */
    public RunInUseException(String message) {
        super(message);
    }
}
