package org.djlresnet.bridge;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.sun.source.util.JavacTask;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.tools.DiagnosticListener;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.JavaFileObject.Kind;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
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
    private static final int MOST_FRAMES = 20;

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

    /** Returns the compiler's error of a comment that has no end, or null if all have one. */
    JsonObject unclosedComment(String code, Place place) {
        JsonObject[] found = new JsonObject[1];
        DiagnosticListener<JavaFileObject> listener =
                diagnostic -> {
                    // the other errors are those of code that stands in no class
                    if (diagnostic.getCode().equals("compiler.err.unclosed.comment")) {
                        int line = (int) diagnostic.getLineNumber();
                        String message = diagnostic.getMessage(Locale.ROOT);
                        found[0] = error("CompilationError", message, place, line, new JsonArray());
                    }
                };
        JavaFileObject file =
                new SimpleJavaFileObject(URI.create("string:///Cell.java"), Kind.SOURCE) {
                    @Override
                    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                        return code;
                    }
                };
        List<String> options = List.of("-Xmaxerrs", "" + Integer.MAX_VALUE);
        JavaCompiler.CompilationTask task =
                ToolProvider.getSystemJavaCompiler()
                        .getTask(null, null, listener, options, null, List.of(file));
        try {
            ((JavacTask) task).parse();
        } catch (IOException impossible) { // in memory
            throw new UncheckedIOException(impossible);
        }
        return found[0];
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
                    .limit(MOST_FRAMES)
                    .forEach(frame -> trace.add("    at " + told(frame)));
            if (frames.length > MOST_FRAMES) {
                trace.add("    ... " + (frames.length - MOST_FRAMES) + " more");
            }
        }
        return trace;
    }

    private String told(StackTraceElement frame) {
        Place place = place(frame);
        return place == null
                ? frame.toString()
                : "Java cell "
                        + place.cell()
                        + ", line "
                        + (place.linesBefore() + frame.getLineNumber());
    }

    /** Where the snippet of a frame stands, which JShell names as a file; null for other code. */
    private Place place(StackTraceElement frame) {
        String file = frame.getFileName();
        return file != null && file.startsWith("#") ? places.get(file.substring(1)) : null;
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
