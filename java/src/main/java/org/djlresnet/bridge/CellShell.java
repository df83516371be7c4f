package org.djlresnet.bridge;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import jdk.jshell.DeclarationSnippet;
import jdk.jshell.Diag;
import jdk.jshell.EvalException;
import jdk.jshell.ExpressionSnippet;
import jdk.jshell.JShell;
import jdk.jshell.JShellException;
import jdk.jshell.Snippet;
import jdk.jshell.SnippetEvent;
import jdk.jshell.SourceCodeAnalysis;
import jdk.jshell.SourceCodeAnalysis.CompletionInfo;
import jdk.jshell.UnresolvedReferenceException;
import jdk.jshell.VarSnippet;
import jdk.jshell.execution.LocalExecutionControlProvider;

/** A JShell in this JVM that knows of which cell and line its snippets are. */
final class CellShell {

    /** The group in which JShell runs a snippet's threads. */
    private static final String GROUP = "JShell process local execution";

    private static final Gson GSON = new GsonBuilder().serializeNulls().create();

    private final JShell shell;
    private final SourceCodeAnalysis analysis;
    private final Map<String, Place> places = new HashMap<>();
    private int cell;
    private volatile boolean stopped;
    private String value;
    private JsonObject error;

    /** Where a snippet stands: in which cell, after how many lines, and the cell's lines. */
    private record Place(int cell, int linesBefore, List<String> lines) {}

    CellShell(String[] classPath) {
        shell = JShell.builder().executionEngine(new LocalExecutionControlProvider(), null).build();
        for (String jar : classPath) {
            shell.addToClasspath(jar);
        }
        analysis = shell.sourceCodeAnalysis();
        for (String name : List.of("java.io", "java.math", "java.nio.file", "java.util")) {
            shell.eval("import " + name + ".*;");
        }
        shell.eval("import java.util.function.*;");
        shell.eval("import java.util.stream.*;");
    }

    void begin() {
        stopped = false;
        value = null;
        error = null;
    }

    /** Runs a cell's snippets in their order, up to the first that fails. */
    void run(String code) {
        cell++;
        List<String> lines = code.lines().toList();
        // JShell counts a snippet's lines from its first character that is not blank
        String rest = code.stripLeading();
        while (!stopped && error == null && !rest.isBlank()) {
            CompletionInfo info = analysis.analyzeCompletion(rest);
            if (info.completeness() == SourceCodeAnalysis.Completeness.EMPTY) {
                return;
            }
            String source = info.source() == null ? rest : info.source();
            String remaining = info.source() == null ? "" : info.remaining();
            int before = lineOf(code, code.length() - rest.length());
            value = null;
            for (SnippetEvent event : shell.eval(source)) {
                examine(event, new Place(cell, before, lines));
            }
            if (rest.substring(0, rest.length() - remaining.length())
                    .stripTrailing()
                    .endsWith(";")) {
                value = null;
            }
            rest = remaining.stripLeading();
        }
    }

    private static int lineOf(String text, int position) {
        return (int) text.substring(0, position).chars().filter(c -> c == '\n').count();
    }

    private void examine(SnippetEvent event, Place place) {
        Snippet snippet = event.snippet();
        if (event.causeSnippet() != null) { // another snippet that this one changed
            return;
        }
        places.put(snippet.id(), place);
        switch (event.status()) {
            case REJECTED -> {
                Diag diag =
                        shell.diagnostics(snippet).filter(Diag::isError).findFirst().orElse(null);
                if (diag == null) {
                    fail(
                            "CompilationError",
                            "the code is incomplete",
                            place,
                            null,
                            new JsonArray());
                } else {
                    int position = (int) Math.min(diag.getPosition(), snippet.source().length());
                    int line = 1 + lineOf(snippet.source(), position);
                    String message = diag.getMessage(Locale.ROOT);
                    fail("CompilationError", message, place, line, new JsonArray());
                }
            }
            case RECOVERABLE_NOT_DEFINED ->
                    fail("CompilationError", unresolved(snippet), place, null, new JsonArray());
            default -> {
                if (event.exception() != null) {
                    fail(event.exception(), place);
                }
            }
        }
        if (error != null) {
            value = null;
        } else if (snippet instanceof ExpressionSnippet expression) {
            value = expression.name();
        } else if (snippet instanceof VarSnippet variable
                && snippet.subKind() == Snippet.SubKind.TEMP_VAR_EXPRESSION_SUBKIND) {
            value = variable.name();
        }
    }

    private String unresolved(Snippet snippet) {
        return snippet instanceof DeclarationSnippet declaration
                ? "unknown: "
                        + shell.unresolvedDependencies(declaration)
                                .collect(Collectors.joining(", "))
                : "unknown names";
    }

    private void fail(JShellException thrown, Place place) {
        if (thrown instanceof UnresolvedReferenceException unresolved) {
            fail(
                    "CompilationError",
                    unresolved(unresolved.getSnippet()),
                    place,
                    null,
                    new JsonArray());
            return;
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
            for (StackTraceElement element : link.getStackTrace()) {
                String file = element.getFileName();
                Place place2 =
                        file != null && file.startsWith("#") ? places.get(file.substring(1)) : null;
                if (place2 == null) {
                    trace.add("    at " + element);
                    continue;
                }
                int inCell = place2.linesBefore() + element.getLineNumber();
                trace.add(String.format("    at Java cell %d, line %d", place2.cell(), inCell));
                if (where == null && first) {
                    where = place2;
                    line = element.getLineNumber();
                }
            }
        }
        fail(kind, thrown.getMessage(), where == null ? place : where, line, trace);
    }

    /**
     * @param line the line in the snippet, from 1, or null if it is not known
     */
    private void fail(String kind, String message, Place place, Integer line, JsonArray trace) {
        error = new JsonObject();
        error.addProperty("kind", kind);
        error.addProperty("message", message);
        error.addProperty("cell", place.cell());
        int inCell = place.linesBefore() + (line == null ? 1 : line);
        error.addProperty("line", line == null ? null : inCell);
        boolean there = line != null && inCell <= place.lines().size();
        error.addProperty("source", there ? place.lines().get(inCell - 1) : null);
        error.add("trace", trace);
    }

    /** Declares a variable, or runs another snippet of ours. */
    void declare(String source) {
        for (SnippetEvent event : shell.eval(source)) {
            if (event.status() == Snippet.Status.REJECTED || event.exception() != null) {
                throw new IllegalStateException("JShell refuses: " + source, event.exception());
            }
        }
    }

    boolean has(String name) {
        return shell.variables()
                .anyMatch(
                        variable ->
                                variable.name().equals(name)
                                        && shell.status(variable) == Snippet.Status.VALID);
    }

    String result() {
        JsonObject json = new JsonObject();
        json.addProperty("state", stopped ? "stopped" : error != null ? "failed" : "done");
        json.addProperty("value", stopped || error != null ? null : value);
        json.add("error", error);
        return GSON.toJson(json);
    }

    void interrupt() {
        stopped = true;
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            ThreadGroup group = thread.getThreadGroup();
            if (group != null && group.getName().equals(GROUP)) {
                thread.interrupt();
            }
        }
    }

    void kill() {
        stopped = true;
        shell.stop();
    }

    void close() {
        shell.close();
    }
}
