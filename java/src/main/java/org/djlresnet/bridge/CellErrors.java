package org.djlresnet.bridge;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
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

    private static final String COMPILATION = "CompilationError";

    /** Enough frames to show an endless recursion. */
    private static final int MAX_FRAMES = 20;

    private final JShell shell;
    private final Map<String, Place> places = new HashMap<>();

    /** Where a snippet is: its cell, the lines before it, and all lines of the cell. */
    record Place(int cell, int linesBefore, List<String> lines) {}

    CellErrors(JShell shell) {
        this.shell = shell;
    }

    /** Records where a snippet is. */
    void place(Snippet snippet, Place place) {
        places.put(snippet.id(), place);
    }

    /** Returns the compiler's error for a snippet. */
    JsonObject compilation(Snippet snippet) {
        Place place = places.get(snippet.id());
        Diag diag = shell.diagnostics(snippet).filter(Diag::isError).findFirst().orElse(null);
        if (diag == null) {
            return unresolved(snippet, place);
        }
        int position = (int) Math.min(diag.getPosition(), snippet.source().length());
        int line = 1 + CellShell.lineOf(snippet.source(), position);
        // the location names a class of JShell's own
        String message =
                diag.getMessage(Locale.ROOT)
                        .lines()
                        .filter(text -> !text.strip().startsWith("location:"))
                        .collect(Collectors.joining("\n"));
        return error(COMPILATION, message, place, line, new JsonArray());
    }

    /** Returns the error for code that JShell neither ran nor rejected. */
    JsonObject unfinished(Place place) {
        String message = "the code ends inside a comment, a string or brackets";
        return error(COMPILATION, message, place, 1, new JsonArray());
    }

    /** Returns the error for code that made JShell itself fail. */
    JsonObject shellFailure(Throwable thrown, Place place) {
        String message = "JShell failed on this code: " + thrown;
        return error(COMPILATION, message, place, 1, new JsonArray());
    }

    /** Returns the error for unknown names, for which JShell gives no message of the compiler. */
    private JsonObject unresolved(Snippet snippet, Place place) {
        List<String> unknown =
                snippet instanceof DeclarationSnippet declaration
                        ? shell.unresolvedDependencies(declaration).toList()
                        : List.of();
        if (unknown.isEmpty()) {
            return unfinished(place);
        }
        // such as "method g(int)"
        String name = unknown.get(0).replaceFirst("^\\w+ ", "").replaceFirst("\\W.*", "");
        Matcher first = Pattern.compile("\\b" + name + "\\b").matcher(snippet.source());
        Integer line = first.find() ? 1 + CellShell.lineOf(snippet.source(), first.start()) : null;
        String message = "unknown: " + String.join(", ", unknown);
        return error(COMPILATION, message, place, line, new JsonArray());
    }

    /** Returns the error for an exception that a snippet threw. */
    JsonObject thrown(JShellException thrown, Snippet snippet) {
        if (thrown instanceof UnresolvedReferenceException unresolved) {
            return compilation(unresolved.getSnippet());
        }
        String kind = className(thrown);
        JsonArray trace = trace(thrown);
        for (StackTraceElement frame : thrown.getStackTrace()) {
            Place place = place(frame);
            if (place != null) {
                return error(kind, thrown.getMessage(), place, frame.getLineNumber(), trace);
            }
        }
        return error(kind, thrown.getMessage(), places.get(snippet.id()), null, trace);
    }

    private static String className(Throwable thrown) {
        return thrown instanceof EvalException own
                ? own.getExceptionClassName()
                : thrown.getClass().getName();
    }

    private JsonArray trace(Throwable thrown) {
        JsonArray trace = new JsonArray();
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

    /**
     * @param line the line in the snippet, from 1, or null if unknown
     */
    private static JsonObject error(
            String kind, String message, Place place, Integer line, JsonArray trace) {
        JsonObject error = new JsonObject();
        error.addProperty("kind", kind);
        error.addProperty("message", message);
        error.addProperty("cell", place.cell());
        int inCell = place.linesBefore() + (line == null ? 1 : line);
        error.addProperty("line", line == null ? null : inCell);
        boolean exists = line != null && inCell <= place.lines().size();
        error.addProperty("source", exists ? place.lines().get(inCell - 1) : null);
        error.add("trace", trace);
        return error;
    }
}
