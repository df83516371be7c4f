package org.djlresnet.bridge;

import com.google.gson.Gson;
import java.io.PrintStream;
import org.djlresnet.UserException;
import org.djlresnet.notebook.Bars;
import org.djlresnet.notebook.CellOutput;

/**
 * Runs the {@code %%java} cells of a Python notebook in this JVM, one at a time.
 *
 * <p>While it is open, everything Java prints goes to {@link #output}.
 */
public final class JavaCells {

    private static final PrintStream OUT = System.out;
    private static final PrintStream ERR = System.err;

    private final CellOutput output = new CellOutput();
    private final CellShell shell;
    private final CellVariables variables;
    private Thread thread = new Thread();

    /**
     * Opens a shell.
     *
     * @param classPath the jars of this JVM, which cells see too
     * @throws UserException if this Java cannot compile
     */
    JavaCells(String[] classPath) {
        if (ModuleLayer.boot().findModule("jdk.jshell").isEmpty()) {
            throw new UserException(
                    "Java cells need a JDK to compile them. Received: "
                            + System.getProperty("java.home")
                            + ", a runtime without a compiler. Set JAVA_HOME to a JDK and restart"
                            + " the kernel.");
        }
        shell = new CellShell(classPath);
        variables = new CellVariables(shell);
        System.setOut(output.stream("stdout"));
        System.setErr(output.stream("stderr"));
    }

    /**
     * Returns the variables shared with Python.
     *
     * @return the variables
     */
    public CellVariables variables() {
        return variables;
    }

    /**
     * Starts a cell on its own thread.
     *
     * @param code Java code
     * @throws UserException if the previous cell is still running
     */
    public void start(String code) {
        if (thread.isAlive()) {
            throw new UserException(
                    "The previous Java cell is still running and cannot be stopped. Restart the"
                            + " kernel.");
        }
        shell.begin();
        output.setBounded(true);
        thread =
                new Thread(
                        () -> {
                            try {
                                shell.run(code);
                            } finally {
                                output.setBounded(false);
                            }
                        },
                        "java-cell");
        thread.setContextClassLoader(JavaCells.class.getClassLoader());
        thread.setDaemon(true);
        thread.start();
    }

    /**
     * Waits for the cell to end.
     *
     * @param milliseconds the longest wait
     * @return whether it has ended
     * @throws InterruptedException if this thread is interrupted
     */
    public boolean await(long milliseconds) throws InterruptedException {
        thread.join(milliseconds);
        return !thread.isAlive();
    }

    /**
     * Returns and removes the output since the last call.
     *
     * @return {@code [{"stream": "stdout" or "stderr", "text"}]}, in the order of printing
     */
    public String output() {
        return new Gson().toJson(output.take());
    }

    /** Interrupts the cell's threads. */
    public void stop() {
        shell.interrupt();
    }

    /**
     * Returns whether an interrupted training run is saving its state. Do not kill the cell then.
     *
     * @return whether the cell is waiting for a training run
     */
    public boolean isSaving() {
        return Bars.isEnding();
    }

    /** Stops the cell forcibly if interrupting it was not enough. */
    public void kill() {
        output.setBounded(false);
        shell.kill();
    }

    /**
     * Returns how the last cell ended.
     *
     * @return {@code {"state": "done", "failed" or "stopped", "value": the variable that holds the
     *     last expression, or null, "text": its toString(), "error": null or {"kind", "message",
     *     "cell", "line", "source", "trace"}}}
     */
    public String result() {
        return shell.result();
    }

    /** Restores standard output and error, and closes the shell. */
    public void close() {
        System.setOut(OUT);
        System.setErr(ERR);
        shell.close();
        variables.close();
    }
}
