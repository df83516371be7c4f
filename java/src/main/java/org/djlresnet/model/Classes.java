package org.djlresnet.model;

import java.util.List;
import java.util.stream.IntStream;

/**
 * The output of a classifier: a logit for each class.
 *
 * @param names the class names, in the order of the logits
 */
public record Classes(List<String> names) implements Output {

    /** Copies the names. */
    public Classes {
        names = List.copyOf(names);
    }

    /**
     * Names classes by numbers.
     *
     * @param number the number of classes
     * @return classes named "0", "1", …
     */
    public static Classes numbered(int number) {
        return new Classes(IntStream.range(0, number).mapToObj(Integer::toString).toList());
    }

    @Override
    public List<String> classNames() {
        return names;
    }

    @Override
    public int size() {
        return names.size();
    }
}
