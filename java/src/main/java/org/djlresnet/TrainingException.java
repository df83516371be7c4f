package org.djlresnet;

/** A run that cannot go on, for a reason that lies in the run and not in what was asked. */
public class TrainingException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an exception.
     *
     * @param message what happened, and what to do
     */
    public TrainingException(String message) {
        super(message);
    }

    /**
     * Creates an exception with a cause.
     *
     * @param message what happened, and what to do
     * @param cause what caused it
     */
    public TrainingException(String message, Throwable cause) {
        super(message, cause);
    }
}
