package org.djlresnet.model;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.djlresnet.UserException;

/** What keeps tensors from being those of a network, gathered so that it is told all at once. */
public final class Mismatches {

    private static final int MOST_LISTED = 10;
    private static final int LONGEST_NAME = 120;

    private final Map<String, List<String>> kinds = new LinkedHashMap<>();

    /**
     * Notes a tensor that the network has and the others lack.
     *
     * @param name the tensor's name
     */
    public void missing(String name) {
        note("missing", name);
    }

    /**
     * Notes a tensor that the network does not have.
     *
     * @param name the tensor's name
     */
    public void superfluous(String name) {
        note("superfluous", name);
    }

    /**
     * Notes a tensor of another type or shape than the network's.
     *
     * @param name the tensor's name
     * @param received what it is
     * @param expected what it should be
     */
    public void misshapen(String name, String received, String expected) {
        note("of another type or shape", name + " is " + received + ", not " + expected);
    }

    private void note(String kind, String text) {
        // names may come from a file: no escape sequence, and no megabytes of them, on a terminal
        String shown = text.replaceAll("\\p{Cntrl}", "?");
        if (shown.length() > LONGEST_NAME) {
            shown = shown.substring(0, LONGEST_NAME) + "…";
        }
        kinds.computeIfAbsent(kind, any -> new ArrayList<>()).add(shown);
    }

    /**
     * Throws if anything was noted.
     *
     * @param subject what the message says does not fit, for example {@code "file.safetensors does
     *     not hold the tensors of a resnet50"}
     * @param cure what is said at the end, or an empty text
     * @throws UserException with all kinds of mismatches and up to ten of each
     */
    public void throwIfAny(String subject, String cure) {
        if (kinds.isEmpty()) {
            return;
        }
        String list =
                kinds.entrySet().stream()
                        .map(kind -> text(kind.getKey(), kind.getValue()))
                        .collect(Collectors.joining("; "));
        throw new UserException(subject + ": " + list + (cure.isEmpty() ? "" : ". " + cure));
    }

    private static String text(String kind, List<String> noted) {
        String listed = String.join(", ", noted.subList(0, Math.min(MOST_LISTED, noted.size())));
        int more = noted.size() - MOST_LISTED;
        return noted.size()
                + " "
                + kind
                + ": "
                + listed
                + (more > 0 ? ", and " + more + " more" : "");
    }
}
