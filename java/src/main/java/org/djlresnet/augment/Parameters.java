package org.djlresnet.augment;

import java.util.Arrays;
import java.util.regex.Pattern;
import org.djlresnet.UserException;

/**
 * The parameters of an augmentation: what follows its name, separated by colons.
 *
 * @param text the augmentation, such as {@code crop:4:reflect}
 * @param allowed its forms, for errors
 * @param values the parameters
 */
record Parameters(String text, String allowed, String... values) {

    /** Java would also accept 0x1p3 and 1f. */
    private static final Pattern NUMBER =
            Pattern.compile("[0-9]{1,9}(\\.[0-9]{1,9})?|\\.[0-9]{1,9}");

    static Parameters of(String text, String allowed) {
        String[] parts = text.split(":", -1);
        return new Parameters(text, allowed, Arrays.copyOfRange(parts, 1, parts.length));
    }

    /** Checks the number of parameters. */
    Parameters requireAtMost(int most) {
        if (values.length > most) {
            throw wrong();
        }
        return this;
    }

    boolean has(int index) {
        return index < values.length;
    }

    int whole(int index, int min, int max) {
        double number = number(index, min, max);
        if (number != Math.rint(number)) {
            throw wrong();
        }
        return (int) number;
    }

    /** Returns a number from {@code min} to {@code max}, or its default if it is not given. */
    double number(int index, double min, double max, double otherwise) {
        return has(index) ? number(index, min, max) : otherwise;
    }

    double number(int index, double min, double max) {
        if (!has(index) || !NUMBER.matcher(values[index]).matches()) {
            throw wrong();
        }
        double number = Double.parseDouble(values[index]);
        if (number < min || number > max) {
            throw wrong();
        }
        return number;
    }

    UserException wrong() {
        return UserException.of(
                "Invalid augmentation. Received: '%s'. Allowed: %s.",
                UserException.shortened(text), allowed);
    }
}
