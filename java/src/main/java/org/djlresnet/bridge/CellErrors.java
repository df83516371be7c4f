package org.djlresnet.bridge;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import jdk.jshell.DeclarationSnippet;
import jdk.jshell.Diag;
import jdk.jshell.EvalException;
import jdk.jshell.JShell;
import jdk.jshell.JShellException;
import jdk.jshell.Snippet;
import jdk.jshell.UnresolvedReferenceException;

/** Describes JShell's errors with their cell and line. */
final class CellErrors {

    /** The message for code that JShell neither ran nor rejected. */
    static final String UNFINISHED = "the code ends inside a comment, a string or brackets";

    /** Enough frames to show an endless recursion. */
    private static final int MAX_FRAMES = 20;

    private final JShell shell;
    private final Map<String, Place> places = new HashMap<>();

    /** Where a snippet is: its cell, the lines before it, and all lines of the cell. */
    record Place(int cell, int linesBefore, List<String> lines) {}

    /** An error as Python receives it; line and source are null if unknown. */
    record Failure(
            String kind,
            String message,
            int cell,
            Integer line,
            String source,
            List<String> trace) {}

    CellErrors(JShell shell) {
        this.shell = shell;
    }

    /** Records where a snippet is. */
    void place(Snippet snippet, Place place) {
        places.put(snippet.id(), place);
    }

    /** Returns the compiler's error for a snippet. */
    Failure compilation(Snippet snippet) {
        Place place = places.get(snippet.id());
        Diag diag = shell.diagnostics(snippet).filter(Diag::isError).findFirst().orElse(null);
        if (diag == null) {
            return unresolved(snippet, place);
        }
        int position = (int) Math.min(diag.getPosition(), snippet.source().length());
        // the location names a class of JShell's own
        String message =
                diag.getMessage(Locale.ROOT)
                        .lines()
                        .filter(text -> !text.strip().startsWith("location:"))
                        .collect(Collectors.joining("\n"));
        return compilation(message, place, 1 + CellShell.lineOf(snippet.source(), position));
    }

    /** Returns the error for code that cannot be compiled. */
    Failure compilation(String message, Place place, Integer line) {
        return failure("CompilationError", message, place, line, List.of());
    }

    /** Returns the error for unknown names, for which JShell gives no message of the compiler. */
    private Failure unresolved(Snippet snippet, Place place) {
        List<String> unknown =
                snippet instanceof DeclarationSnippet declaration
                        ? shell.unresolvedDependencies(declaration).toList()
                        : List.of();
        if (unknown.isEmpty()) {
            return compilation(UNFINISHED, place, 1);
        }
        // such as "method g(int)"
        String name = unknown.get(0).replaceFirst("^\\w+ ", "").replaceFirst("\\W.*", "");
        Matcher first = Pattern.compile("\\b" + name + "\\b").matcher(snippet.source());
        Integer line = first.find() ? 1 + CellShell.lineOf(snippet.source(), first.start()) : null;
        return compilation("unknown: " + String.join(", ", unknown), place, line);
    }

    /** Returns the error for an exception that a snippet threw. */
    Failure thrown(JShellException thrown, Snippet snippet) {
        if (thrown instanceof UnresolvedReferenceException unresolved) {
            return compilation(unresolved.getSnippet());
        }
        String kind = className(thrown);
        List<String> trace = trace(thrown);
        for (StackTraceElement frame : thrown.getStackTrace()) {
            Place place = place(frame);
            if (place != null) {
                return failure(kind, thrown.getMessage(), place, frame.getLineNumber(), trace);
            }
        }
        return failure(kind, thrown.getMessage(), places.get(snippet.id()), null, trace);
    }

    private static String className(Throwable thrown) {
        return thrown instanceof EvalException own
                ? own.getExceptionClassName()
                : thrown.getClass().getName();
    }

    private List<String> trace(Throwable thrown) {
        List<String> trace = new ArrayList<>();
        for (Throwable link = thrown; link != null; link = link.getCause()) {
            trace.add(
                    (link == thrown ? "" : "Caused by: ")
                            + className(link)
                            + (link.getMessage() == null ? "" : ": " + link.getMessage()));
            StackTraceElement[] frames = link.getStackTrace();
            Arrays.stream(frames)
                    .limit(MAX_FRAMES)
                    .forEach(frame -> trace.add("    at " + described(frame)));
            if (frames.length > MAX_FRAMES) {
                trace.add("    ... " + (frames.length - MAX_FRAMES) + " more");
            }
        }
        return trace;
    }

    private String described(StackTraceElement frame) {
        Place place = place(frame);
        return place == null
                ? frame.toString()
                : "Java cell "
                        + place.cell()
                        + ", line "
                        + (place.linesBefore() + frame.getLineNumber());
    }

    /** Returns the place of a frame's snippet, whose id JShell uses as its file; else null. */
    private Place place(StackTraceElement frame) {
        String file = frame.getFileName();
        return file != null && file.startsWith("#") ? places.get(file.substring(1)) : null;
    }

    /** Returns an error at a line of a snippet, counted from 1; null if unknown. */
    private static Failure failure(
            String kind, String message, Place place, Integer line, List<String> trace) {
        Integer inCell = line == null ? null : place.linesBefore() + line;
        boolean exists = line != null && inCell <= place.lines().size();
        String source = exists ? place.lines().get(inCell - 1) : null;
        return new Failure(kind, message, place.cell(), inCell, source, trace);
    }
}
