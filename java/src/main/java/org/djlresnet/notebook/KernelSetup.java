package org.djlresnet.notebook;

import java.io.PrintStream;
import java.lang.reflect.Field;
import java.util.Locale;
import java.util.function.BooleanSupplier;
import jdk.jshell.EvalException;
import jdk.jshell.JShell;
import jdk.jshell.Snippet;
import jdk.jshell.SnippetEvent;

/**
 * Adapts JJava, the Java kernel, to long outputs and long training runs.
 *
 * <p>JJava has no setters for its streams, so this class sets their public final fields by
 * reflection. The extra {@code [notebook]} pins its version.
 */
public final class KernelSetup {

    /** JJava's name for the exception of an interrupted snippet. */
    private static final String INTERRUPTED = "Execution Interrupted";

    private KernelSetup() {}

    /**
     * Sets up a kernel; its kernelspec's startup script calls this before the first cell.
     *
     * @param shell JJava's shell
     * @param io JJava's {@code JupyterIO}
     * @param inCell whether a cell is running, which then receives the output
     * @throws ReflectiveOperationException if this is another version of JJava
     */
    public static void install(JShell shell, Object io, BooleanSupplier inCell)
            throws ReflectiveOperationException {
        FreshCompiler.install(shell);
        Field out = streamField(io, "out");
        Field err = streamField(io, "err");
        KernelOutput output =
                new KernelOutput((PrintStream) out.get(io), (PrintStream) err.get(io), inCell);
        out.set(io, output.stream("stdout"));
        err.set(io, output.stream("stderr"));
        // JJava restores these after each cell; its threads may print later
        System.setOut(output.stream("stdout"));
        System.setErr(output.stream("stderr"));
        output.start();
        shell.onSnippetEvent(
                event -> {
                    if (event.status() == Snippet.Status.RECOVERABLE_NOT_DEFINED) {
                        // JJava reports only snippets that JShell rejects
                        shell.diagnostics(event.snippet())
                                .forEach(diag -> System.err.println(diag.getMessage(Locale.ROOT)));
                    }
                    if (wasInterrupted(event)) {
                        Bars.awaitEnding();
                    }
                    output.send();
                });
    }

    private static Field streamField(Object io, String name) throws ReflectiveOperationException {
        Field field = io.getClass().getField(name);
        field.setAccessible(true);
        return field;
    }

    private static boolean wasInterrupted(SnippetEvent event) {
        return event.exception() instanceof EvalException thrown
                && INTERRUPTED.equals(thrown.getExceptionClassName());
    }
}
