package org.djlresnet.augment;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.djlresnet.NearestName;
import org.djlresnet.UserException;

/** The registry of augmentations by name. */
final class Kinds {

    private static final int MOST_PIXELS = 1024;
    private static final Map<String, Kind> KINDS = kinds();

    private Kinds() {}

    /**
     * A kind of augmentation.
     *
     * @param form its text in short
     * @param allowed the forms of its text in words
     * @param most the largest number of parameters
     * @param create creates it from its parameters
     */
    private record Kind(String form, String allowed, int most, Function<Parameters, Step> create) {}

    private static Map<String, Kind> kinds() {
        Map<String, Kind> kinds = new LinkedHashMap<>();
        kinds.put(
                "crop",
                new Kind(
                        "crop:PIXELS[:reflect]",
                        "crop:PIXELS or crop:PIXELS:reflect, with 1 to 1024 pixels, such as crop:4",
                        2,
                        p -> new Shift(p.whole(0, 1, MOST_PIXELS), isGiven(p, 1, "reflect"))));
        kinds.put(
                "translate",
                new Kind(
                        "translate:PIXELS",
                        "translate:PIXELS, with 1 to 1024 pixels, such as translate:2",
                        1,
                        p -> new Shift(p.whole(0, 1, MOST_PIXELS), true)));
        kinds.put(
                "resized-crop",
                new Kind(
                        "resized-crop[:MIN:MAX]",
                        "resized-crop, or resized-crop:MIN:MAX with fractions of the area above 0"
                                + " and up to 1, such as resized-crop:0.08:1",
                        2,
                        Kinds::resizedCrop));
        kinds.put(
                "flip",
                new Kind(
                        "flip[:P]",
                        "flip, or flip:P with a probability from 0 to 1",
                        1,
                        p -> new Flip(p.number(0, 0, 1, 0.5))));
        kinds.put(
                "alternating-flip",
                new Kind(
                        "alternating-flip",
                        "alternating-flip, without parameters",
                        0,
                        p -> new AlternatingFlip()));
        kinds.put(
                "rotate",
                new Kind(
                        "rotate:DEGREES",
                        "rotate:DEGREES, with a largest angle from 0 to 180, such as rotate:15",
                        1,
                        p -> new Rotation(p.number(0, 0, 180))));
        for (Jitter.Property property : Jitter.Property.values()) {
            String name = property.name().toLowerCase(Locale.ROOT);
            kinds.put(
                    name,
                    new Kind(
                            name + ":X",
                            "%1$s:X, which multiplies the %1$s by 1 - X to 1 + X, with X from 0 to 10"
                                    .formatted(name),
                            1,
                            p -> new Jitter(property, p.number(0, 0, 10))));
        }
        kinds.put(
                "erase",
                new Kind(
                        "erase:P[:MIN-MAX][:black]",
                        "erase:P, erase:P:MIN-MAX, erase:P:black or erase:P:MIN-MAX:black, with a"
                                + " probability from 0 to 1 and sides in pixels, such as"
                                + " erase:0.25:3-13",
                        3,
                        Kinds::erase));
        kinds.put(
                "cutout",
                new Kind(
                        "cutout:PIXELS",
                        "cutout:PIXELS, with a side of 1 to 1024 pixels, such as cutout:16",
                        1,
                        p -> new Cutout(p.whole(0, 1, MOST_PIXELS))));
        kinds.put(
                "trivial",
                new Kind("trivial", "trivial, without parameters", 0, p -> new Trivial()));
        kinds.put(
                "mixup",
                new Kind(
                        "mixup:ALPHA",
                        "mixup:ALPHA, with a number from 0.01 to 100, such as mixup:0.2",
                        1,
                        p -> new MixUp(p.number(0, 0.01, 100))));
        kinds.put(
                "cutmix",
                new Kind(
                        "cutmix:ALPHA",
                        "cutmix:ALPHA, with a number from 0.01 to 100, such as cutmix:1",
                        1,
                        p -> new CutMix(p.number(0, 0.01, 100))));
        return Collections.unmodifiableMap(kinds);
    }

    static Set<String> names() {
        return KINDS.keySet();
    }

    /**
     * Creates an augmentation.
     *
     * @param text its name and parameters, such as {@code crop:4}
     * @throws UserException if the name is unknown, or a parameter is out of range
     */
    static Step create(String text) {
        String name = text.split(":", 2)[0];
        Kind kind = KINDS.get(name);
        if (kind == null) {
            String nearest = NearestName.find(name, names());
            throw UserException.of(
                    "Unknown augmentation. Received: '%s'.%s Allowed: %s.",
                    UserException.shortened(text),
                    nearest == null ? "" : " Did you mean '" + KINDS.get(nearest).form() + "'?",
                    String.join(", ", KINDS.values().stream().map(Kind::form).toList()));
        }
        Parameters parameters = Parameters.of(text, kind.allowed());
        return kind.create().apply(parameters.requireAtMost(kind.most()));
    }

    private static boolean isGiven(Parameters parameters, int index, String word) {
        if (parameters.has(index) && !parameters.values()[index].equals(word)) {
            throw parameters.wrong();
        }
        return parameters.has(index);
    }

    private static Step resizedCrop(Parameters parameters) {
        double min = parameters.number(0, 1e-4, 1, 0.08);
        double max = parameters.number(1, 1e-4, 1, 1);
        if (min > max) {
            throw parameters.wrong();
        }
        return new ResizedCrop(min, max);
    }

    private static Step erase(Parameters p) {
        double probability = p.number(0, 0, 1);
        boolean sized = p.has(1) && p.values()[1].matches("[0-9]{1,4}-[0-9]{1,4}");
        int next = sized ? 2 : 1;
        boolean black = isGiven(p.requireAtMost(next + 1), next, "black");
        if (!sized) {
            return new Erase(probability, 0, 0, black);
        }
        String[] sides = p.values()[1].split("-");
        int least = Integer.parseInt(sides[0]);
        int most = Integer.parseInt(sides[1]);
        if (least < 1 || least > most) {
            throw p.wrong();
        }
        return new Erase(probability, least, most, black);
    }
}
