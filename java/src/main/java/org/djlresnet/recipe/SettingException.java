package org.djlresnet.recipe;

import java.util.Locale;
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

    /**
     * Formats a message with the same digits in every locale.
     *
     * @param format the message, as for {@link String#format}
     * @param values the values in it
     * @return an exception with this message
     */
    public static SettingException of(String format, Object... values) {
        return new SettingException(String.format(Locale.ROOT, format, values));
    }
}
