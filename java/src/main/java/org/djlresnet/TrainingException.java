package org.djlresnet;

/** Reports a run that cannot continue, although its input was valid. */
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
     * @param cause the cause
     */
    public TrainingException(String message, Throwable cause) {
        super(message, cause);
    }
}
