package org.djlresnet;

import java.util.Locale;

/**
 * Reports bad input: a bad value, a bad file, an unknown name.
 *
 * <p>The message is self-contained: it says what is wrong, what was received, what is allowed and
 * what to do, and names the file if there is one. Other failures, such as a full disk or a bug, are
 * other exceptions.
 */
public class UserException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private static final int LONGEST = 100;

    /**
     * Creates an exception.
     *
     * @param message what is wrong, what was received, what is allowed and what to do
     */
    public UserException(String message) {
        super(message);
    }

    /**
     * Creates an exception with a cause.
     *
     * @param message what is wrong, what was received, what is allowed and what to do
     * @param cause the cause
     */
    public UserException(String message, Throwable cause) {
        super(message, cause);
    }

    /**
     * Shortens a received text for a message.
     *
     * @param text the text
     * @return its first 100 characters, and … if there are more
     */
    public static String shortened(String text) {
        return text.length() <= LONGEST ? text : text.substring(0, LONGEST) + "…";
    }

    /**
     * Formats a message with the same digits in every locale.
     *
     * @param format the message, as for {@link String#format}
     * @param values the values in it
     * @return an exception with this message
     */
    public static UserException of(String format, Object... values) {
        return new UserException(String.format(Locale.ROOT, format, values));
    }
}
