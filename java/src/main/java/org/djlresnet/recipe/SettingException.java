package org.djlresnet.recipe;

import org.djlresnet.UserException;

/**
 * A setting is unknown, or its value is not allowed or conflicts with another setting.
 *
 * <p>In the message, names of settings and nothing else are in double quotes, so that a caller can
 * replace them with the names its user knows.
 */
public final class SettingException extends UserException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates the exception.
     *
     * @param message the message
     */
    public SettingException(String message) {
        super(message);
    }
}
