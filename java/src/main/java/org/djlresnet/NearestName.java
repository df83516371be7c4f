package org.djlresnet;

import java.util.Collection;
import java.util.Locale;

/** Suggests the intended name in error messages about unknown names. */
public final class NearestName {

    /** Longer names are not compared: the cost grows with the product of both lengths. */
    private static final int LONGEST = 100;

    private NearestName() {}

    /**
     * Returns the end of an error message about an unknown name, for example {@code Did you mean
     * 'fashion-mnist'? Allowed: fashion-mnist, idx.}, or {@code Allowed: fashion-mnist, idx.} if no
     * name is similar.
     *
     * @param given the unknown name
     * @param allowed the known names, in the order to list them
     * @return the text, to append after a full stop
     */
    public static String suggest(String given, Collection<String> allowed) {
        String nearest = find(given, allowed);
        String question = nearest == null ? "" : " Did you mean '" + nearest + "'?";
        return question + " Allowed: " + String.join(", ", allowed) + ".";
    }

    /**
     * Finds the known name most similar to an unknown one.
     *
     * @param given the unknown name
     * @param allowed the known names
     * @return the most similar name, or null if none is similar
     */
    public static String find(String given, Collection<String> allowed) {
        String nearest = null;
        int least = Integer.MAX_VALUE;
        if (given.length() <= LONGEST) {
            String wanted = given.toLowerCase(Locale.ROOT);
            for (String name : allowed) {
                int distance = distance(wanted, name.toLowerCase(Locale.ROOT));
                if (distance < least) {
                    least = distance;
                    nearest = name;
                }
            }
        }
        // up to a third of the letters wrong is a typo; more is another word
        return least > Math.max(1, (given.length() + 1) / 3) ? null : nearest;
    }

    /** Returns the Levenshtein distance. */
    static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }
}
