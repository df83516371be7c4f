package org.djlresnet.bridge;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
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

/** Tells of which cell and line an error of JShell is. */
final class CellErrors {

    /** Of a stack that has no end, its beginning is enough. */
    private static final int MOST_FRAMES = 30;

    private final JShell shell;
    private final Map<String, Place> places = new HashMap<>();

    /** Where a snippet stands: in which cell, after how many lines, and the cell's lines. */
    record Place(int cell, int linesBefore, List<String> lines) {}

    CellErrors(JShell shell) {
        this.shell = shell;
    }

    /** Remembers where a snippet stands. */
    void place(Snippet snippet, Place place) {
        places.put(snippet.id(), place);
    }

    /** Returns what the compiler says of a snippet that it does not take, or not yet. */
    JsonObject compilation(Snippet snippet) {
        Place place = places.get(snippet.id());
        Diag diag = shell.diagnostics(snippet).filter(Diag::isError).findFirst().orElse(null);
        if (diag == null) {
            return incomplete(snippet, place);
        }
        int position = (int) Math.min(diag.getPosition(), snippet.source().length());
        int line = 1 + CellShell.lineOf(snippet.source(), position);
        // where javac looked is a class of JShell's own
        String message =
                diag.getMessage(Locale.ROOT)
                        .lines()
                        .filter(text -> !text.strip().startsWith("location:"))
                        .collect(Collectors.joining("\n"));
        return error("CompilationError", message, place, line, new JsonArray());
    }

    /** JShell keeps the compiler's message of a name that may be declared later to itself. */
    private JsonObject incomplete(Snippet snippet, Place place) {
        List<String> unknown =
                snippet instanceof DeclarationSnippet declaration
                        ? shell.unresolvedDependencies(declaration).toList()
                        : List.of();
        if (unknown.isEmpty()) {
            return error(
                    "CompilationError", "the code is incomplete", place, null, new JsonArray());
        }
        // such as "method g(int)"
        String name = unknown.get(0).replaceFirst("^\\w+ ", "").replaceFirst("\\W.*", "");
        Matcher first = Pattern.compile("\\b" + name + "\\b").matcher(snippet.source());
        Integer line = first.find() ? 1 + CellShell.lineOf(snippet.source(), first.start()) : null;
        String message = "unknown: " + String.join(", ", unknown);
        return error("CompilationError", message, place, line, new JsonArray());
    }

    /** Returns what a snippet threw. */
    JsonObject thrown(JShellException thrown, Snippet snippet) {
        if (thrown instanceof UnresolvedReferenceException unresolved) {
            return compilation(unresolved.getSnippet());
        }
        JsonArray trace = new JsonArray();
        Place where = null;
        Integer line = null;
        String kind = thrown.getClass().getSimpleName();
        Throwable link = thrown;
        for (boolean first = true; link != null; first = false, link = link.getCause()) {
            String name =
                    link instanceof EvalException own
                            ? own.getExceptionClassName()
                            : link.getClass().getName();
            kind = first ? name : kind;
            trace.add(
                    (first ? "" : "Caused by: ")
                            + name
                            + (link.getMessage() == null ? "" : ": " + link.getMessage()));
            StackTraceElement[] frames = link.getStackTrace();
            for (int i = 0; i < frames.length; i++) {
                String file = frames[i].getFileName();
                Place place =
                        file != null && file.startsWith("#") ? places.get(file.substring(1)) : null;
                if (place != null && where == null && first) {
                    where = place;
                    line = frames[i].getLineNumber();
                }
                if (i < MOST_FRAMES) {
                    trace.add("    at " + frame(frames[i], place));
                }
            }
            if (frames.length > MOST_FRAMES) {
                trace.add("    ... " + (frames.length - MOST_FRAMES) + " more");
            }
        }
        where = where == null ? places.get(snippet.id()) : where;
        return error(kind, thrown.getMessage(), where, line, trace);
    }

    private static String frame(StackTraceElement element, Place place) {
        return place == null
                ? element.toString()
                : String.format(
                        "Java cell %d, line %d",
                        place.cell(), place.linesBefore() + element.getLineNumber());
    }

    /**
     * @param line the line in the snippet, from 1, or null if it is not known
     */
    private static JsonObject error(
            String kind, String message, Place place, Integer line, JsonArray trace) {
        JsonObject error = new JsonObject();
        error.addProperty("kind", kind);
        error.addProperty("message", message);
        error.addProperty("cell", place.cell());
        int inCell = place.linesBefore() + (line == null ? 1 : line);
        error.addProperty("line", line == null ? null : inCell);
        boolean there = line != null && inCell <= place.lines().size();
        error.addProperty("source", there ? place.lines().get(inCell - 1) : null);
        error.add("trace", trace);
        return error;
    }
}
