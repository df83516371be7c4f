package org.djlresnet.model;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.djlresnet.UserException;

/** Collects the differences between given tensors and a network's, to report them all at once. */
public final class Mismatches {

    private static final int MAX_LISTED = 10;
    private static final int MAX_NAME = 120;

    private final Map<String, List<String>> kinds = new LinkedHashMap<>();

    /**
     * Records a tensor that the network needs but was not given.
     *
     * @param name the tensor's name
     */
    public void missing(String name) {
        note("missing", name);
    }

    /**
     * Records a given tensor that the network does not have.
     *
     * @param name the tensor's name
     */
    public void unexpected(String name) {
        note("unexpected", name);
    }

    /**
     * Records a tensor whose type or shape differs from the network's.
     *
     * @param name the tensor's name
     * @param received the given type and shape
     * @param expected the network's type and shape
     */
    public void misshapen(String name, String received, String expected) {
        note("of another type or shape", name + " is " + received + ", not " + expected);
    }

    private void note(String kind, String text) {
        // names may come from a file, so strip control characters and limit the length
        String shown = text.replaceAll("\\p{Cntrl}", "?");
        if (shown.length() > MAX_NAME) {
            shown = shown.substring(0, MAX_NAME) + "…";
        }
        kinds.computeIfAbsent(kind, any -> new ArrayList<>()).add(shown);
    }

    /**
     * Throws an exception if any difference was recorded.
     *
     * @param subject the start of the message, for example {@code "file.safetensors does not hold
     *     the tensors of a resnet50"}
     * @param advice the end of the message, or an empty text
     * @throws UserException with all kinds of differences and up to ten of each
     */
    public void throwIfAny(String subject, String advice) {
        if (kinds.isEmpty()) {
            return;
        }
        String list =
                kinds.entrySet().stream()
                        .map(kind -> text(kind.getKey(), kind.getValue()))
                        .collect(Collectors.joining("; "));
        throw new UserException(subject + ": " + list + (advice.isEmpty() ? "" : ". " + advice));
    }

    private static String text(String kind, List<String> noted) {
        String listed = String.join(", ", noted.subList(0, Math.min(MAX_LISTED, noted.size())));
        int more = noted.size() - MAX_LISTED;
        return noted.size()
                + " "
                + kind
                + ": "
                + listed
                + (more > 0 ? ", and " + more + " more" : "");
    }
}
