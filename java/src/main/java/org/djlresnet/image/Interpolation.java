package org.djlresnet.image;

import java.util.Arrays;
import java.util.List;
import org.djlresnet.NearestName;
import org.djlresnet.UserException;

/** The interpolation filters for resizing, as in Pillow. */
public enum Interpolation {
    /** A triangle over the two nearest pixels. */
    BILINEAR("bilinear", 1) {
        @Override
        double weight(double distance) {
            return Math.max(1 - distance, 0);
        }
    },
    /** Keys' cubic with a = -1/2 over the four nearest pixels; it may overshoot. */
    BICUBIC("bicubic", 2) {
        @Override
        double weight(double distance) {
            double a = -0.5;
            if (distance < 1) {
                return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
            }
            return distance < 2 ? (((distance - 5) * distance + 8) * distance - 4) * a : 0;
        }
    };

    private final String text;
    private final int support;

    Interpolation(String text, int support) {
        this.text = text;
        this.support = support;
    }

    /**
     * Finds an interpolation.
     *
     * @param name {@code "bilinear"} or {@code "bicubic"}
     * @return the interpolation of that name
     * @throws UserException if the name is unknown
     */
    public static Interpolation of(String name) {
        List<String> names = Arrays.stream(values()).map(Interpolation::toString).toList();
        int found = names.indexOf(name);
        if (found < 0) {
            throw UserException.of(
                    "Unknown interpolation. Received: '%s'.%s",
                    name, NearestName.suggest(name, names));
        }
        return values()[found];
    }

    /** Returns the radius of the filter, in pixels of the coarser image. */
    int support() {
        return support;
    }

    /**
     * Returns the weight of a pixel, before normalization.
     *
     * @param distance the distance from the result's centre, in pixels of the coarser image
     */
    abstract double weight(double distance);

    @Override
    public String toString() {
        return text;
    }
}
