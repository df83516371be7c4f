package org.djlresnet.bridge;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import jdk.jshell.ExpressionSnippet;
import jdk.jshell.JShell;
import jdk.jshell.Snippet;
import jdk.jshell.SnippetEvent;
import jdk.jshell.SourceCodeAnalysis;
import jdk.jshell.SourceCodeAnalysis.CompletionInfo;
import jdk.jshell.VarSnippet;
import jdk.jshell.spi.ExecutionControl;
import jdk.jshell.spi.ExecutionControlProvider;
import jdk.jshell.spi.ExecutionEnv;
import org.djlresnet.UserException;
import org.djlresnet.notebook.FreshCompiler;

/** A JShell in this JVM that knows the cell and line of each snippet. */
final class CellShell {

    private static final Gson GSON = new GsonBuilder().serializeNulls().create();

    private final JShell shell;
    private final SourceCodeAnalysis analysis;
    private final CellErrors errors;
    private int cell;
    private volatile boolean running;
    private volatile boolean stopped;
    private String value;
    private String text;
    private CellErrors.Failure error;

    CellShell(String[] classPath) {
        shell =
                JShell.builder()
                        .executionEngine(new Engine(() -> running && stopped), null)
                        .build();
        for (String jar : classPath) {
            shell.addToClasspath(jar);
        }
        FreshCompiler.install(shell);
        analysis = shell.sourceCodeAnalysis();
        errors = new CellErrors(shell);
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

    /** Runs a cell's snippets in order, up to the first that fails. */
    void run(String code) {
        cell++;
        running = true;
        List<String> lines = code.lines().toList();
        // JShell counts a snippet's lines from its first character that is not blank
        String rest = code.stripLeading();
        while (!stopped && error == null && !rest.isBlank()) {
            int before = lineOf(code, code.length() - rest.length());
            CellErrors.Place place = new CellErrors.Place(cell, before, lines);
            value = null;
            try {
                rest = evaluateFirst(rest, place);
            } catch (RuntimeException | Error thrown) { // such as javac's StackOverflowError
                error = errors.compilation("JShell failed on this code: " + thrown, place, 1);
            }
        }
        running = false;
    }

    /** Runs the first snippet of some code and returns the code after it. */
    private String evaluateFirst(String code, CellErrors.Place place) {
        CompletionInfo info = analysis.analyzeCompletion(code);
        if (info.completeness() == SourceCodeAnalysis.Completeness.EMPTY) {
            return "";
        }
        boolean finished = info.source() != null;
        String remaining = finished ? info.remaining() : "";
        for (SnippetEvent event : shell.eval(finished ? info.source() : code)) {
            examine(event, place);
        }
        if (!finished && error == null) { // JShell silently skips an unclosed comment
            error = errors.compilation(CellErrors.UNFINISHED, place, 1);
        }
        if (code.substring(0, code.length() - remaining.length()).stripTrailing().endsWith(";")) {
            value = null;
        }
        return remaining.stripLeading();
    }

    static int lineOf(String text, int position) {
        return (int) text.substring(0, position).chars().filter(c -> c == '\n').count();
    }

    private void examine(SnippetEvent event, CellErrors.Place place) {
        Snippet snippet = event.snippet();
        if (event.causeSnippet() != null) { // an earlier snippet that depends on this one
            return;
        }
        errors.place(snippet, place);
        text = event.value();
        if (event.status() == Snippet.Status.REJECTED
                || event.status() == Snippet.Status.RECOVERABLE_NOT_DEFINED) {
            error = errors.compilation(snippet);
        } else if (event.exception() != null) {
            error = errors.thrown(event.exception(), snippet);
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

    /** Runs a snippet of this class, such as a variable's declaration. */
    void declare(String source) {
        for (SnippetEvent event : shell.eval(source)) {
            if (event.status() == Snippet.Status.REJECTED || event.exception() != null) {
                throw new UserException(
                        "Java does not allow this declaration. Received: "
                                + source.replaceFirst(" = .*", "")
                                + ". Assign the value to another name.",
                        event.exception());
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

    private record Result(String state, String value, String text, CellErrors.Failure error) {}

    String result() {
        String state = stopped ? "stopped" : error != null ? "failed" : "done";
        return GSON.toJson(new Result(state, stopped ? null : value, text, error));
    }

    void interrupt() {
        stopped = true;
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            ThreadGroup group = thread.getThreadGroup();
            if (group != null && group.getName().equals(CellExecution.GROUP)) {
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

    private record Engine(BooleanSupplier stopped) implements ExecutionControlProvider {

        @Override
        public String name() {
            return "cells";
        }

        @Override
        public ExecutionControl generate(ExecutionEnv environment, Map<String, String> parameters) {
            return new CellExecution(stopped);
        }
    }
}
