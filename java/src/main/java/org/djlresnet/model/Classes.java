package org.djlresnet.model;

import java.util.List;
import java.util.stream.IntStream;

/**
 * A logit for each class.
 *
 * @param names the classes' names, by logit
 */
public record Classes(List<String> names) implements Output {

    /** Copies the names. */
    public Classes {
        names = List.copyOf(names);
    }

    /**
     * Names classes that have no names.
     *
     * @param number how many
     * @return classes named "0", "1", …
     */
    public static Classes numbered(int number) {
        return new Classes(IntStream.range(0, number).mapToObj(Integer::toString).toList());
    }

    @Override
    public int size() {
        return names.size();
    }
}
