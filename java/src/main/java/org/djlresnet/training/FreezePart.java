package org.djlresnet.training;

import java.util.List;
import java.util.stream.Stream;

/**
 * A part of the setting {@code freeze}.
 *
 * @param text as the recipe has it, such as {@code layer1:3-}
 * @param names which parameters
 * @param from the first frozen epoch, counted from 0
 * @param to the first epoch after that in which they are trained
 */
record FreezePart(String text, String names, int from, int to) {

    private static final int END = Integer.MAX_VALUE;

    /** Returns the parts of a setting, which may be null. */
    static List<FreezePart> of(String freeze) {
        return freeze == null
                ? List.of()
                : Stream.of(freeze.split(" *, *")).map(FreezePart::part).toList();
    }

    private static FreezePart part(String text) {
        String[] words = text.split(":");
        if (words.length == 1) {
            return new FreezePart(text, text, 0, END);
        }
        boolean after = words[1].endsWith("-");
        int epoch =
                Integer.parseInt(after ? words[1].substring(0, words[1].length() - 1) : words[1]);
        return new FreezePart(text, words[0], after ? epoch : 0, after ? END : epoch);
    }

    /** Returns whether the parameters are never trained. */
    boolean isAlways() {
        return from == 0 && to == END;
    }
}
