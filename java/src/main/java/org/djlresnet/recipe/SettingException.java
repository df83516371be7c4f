package org.djlresnet.recipe;

import org.djlresnet.UserException;

/**
 * A setting has a value that is not allowed, alone or together with others.
 *
 * <p>The message writes the names of settings, and nothing else, in double quotes, so that a caller
 * can replace them by the names that its user knows.
 */
public final class SettingException extends UserException {

    private static final long serialVersionUID = 1L;

    /**
     * @param message what is wrong, with the settings' names in double quotes; what was received,
     *     what is allowed and what to do
     */
    public SettingException(String message) {
        super(message);
    }
}
