package org.djlresnet;

/**
 * The caller gave something wrong: a bad value, a bad file, an unknown name.
 *
 * <p>The message stands alone: it says what was received, what is allowed and what to do. A file's
 * path is part of it. Failures that are not the caller's (a full disk, a bug) are other exceptions.
 */
public class UserException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /**
     * @param message what was received, what is allowed and what to do
     */
    public UserException(String message) {
        super(message);
    }

    /**
     * @param message what was received, what is allowed and what to do
     * @param cause what was thrown when it was noticed
     */
    public UserException(String message, Throwable cause) {
        super(message, cause);
    }
}
