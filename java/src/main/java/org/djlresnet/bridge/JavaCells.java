package org.djlresnet.bridge;

import com.google.gson.Gson;
import java.io.PrintStream;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.djlresnet.UserException;
import org.djlresnet.notebook.Bars;
import org.djlresnet.notebook.CellOutput;

/**
 * Cells of Java code in Python's notebook: run in this very JVM, with variables that cross by name.
 *
 * <p>One cell at a time. From its opening on all that Java prints goes to {@link #output}.
 */
public final class JavaCells {

    private static final PrintStream OUT = System.out;
    private static final PrintStream ERR = System.err;

    private final CellOutput output = new CellOutput();
    private final CellShell shell;
    private final CellVariables variables;
    private CountDownLatch ended = new CountDownLatch(0);

    /**
     * Opens a shell.
     *
     * @param classPath the jars that cells see, which are those of this JVM
     * @throws UserException if this Java cannot compile
     */
    JavaCells(String[] classPath) {
        if (ModuleLayer.boot().findModule("jdk.jshell").isEmpty()) {
            throw new UserException(
                    "Java cells need a JDK, for they are compiled; "
                            + System.getProperty("java.home")
                            + " is a runtime alone. Set JAVA_HOME to a JDK and start again");
        }
        shell = new CellShell(classPath);
        variables = new CellVariables(shell);
        System.setOut(output.stream("stdout"));
        System.setErr(output.stream("stderr"));
    }

    /**
     * Returns what crosses between the cells and Python.
     *
     * @return the variables
     */
    public CellVariables variables() {
        return variables;
    }

    /**
     * Begins a cell on a thread of its own.
     *
     * @param code Java code
     * @throws UserException if the last one has not ended
     */
    public void start(String code) {
        if (ended.getCount() > 0) {
            throw new UserException(
                    "A Java cell is still running and cannot be ended; restart the kernel");
        }
        ended = new CountDownLatch(1);
        CountDownLatch end = ended;
        shell.begin();
        output.setBounded(true);
        Thread thread =
                new Thread(
                        () -> {
                            try {
                                shell.run(code);
                            } finally {
                                output.setBounded(false);
                                end.countDown();
                            }
                        },
                        "java-cell");
        thread.setContextClassLoader(JavaCells.class.getClassLoader());
        thread.setDaemon(true);
        thread.start();
    }

    /**
     * Waits for the cell's end.
     *
     * @param milliseconds how long at most
     * @return whether it has ended
     * @throws InterruptedException if this thread is interrupted
     */
    public boolean await(long milliseconds) throws InterruptedException {
        return ended.await(milliseconds, TimeUnit.MILLISECONDS);
    }

    /**
     * Takes what was printed since the last time.
     *
     * @return {@code [{"stream": "stdout" or "stderr", "text"}]}, in the order of printing
     */
    public String output() {
        return new Gson().toJson(output.take());
    }

    /** Asks the cell to end: interrupts its thread. */
    public void stop() {
        shell.interrupt();
    }

    /**
     * Tells whether a training ends its batch and saves its state; the cell is then not to be
     * killed.
     *
     * @return whether the cell is waiting for that
     */
    public boolean isSaving() {
        return Bars.isEnding();
    }

    /** Ends the cell where it is, if it does not end when asked to. */
    public void kill() {
        output.setBounded(false);
        shell.kill();
    }

    /**
     * Tells how the last cell ended.
     *
     * @return {@code {"state": "done", "failed" or "stopped", "value": the name of the variable
     *     with the value of a last expression, or null, "error": null or {"kind", "message",
     *     "cell", "line", "source", "trace"}}}
     */
    public String result() {
        return shell.result();
    }

    /**
     * Returns an object's text. It is made on a thread of Java's own: where {@code toString} calls
     * itself for ever, the stack of Python's thread would overflow, which ends the process.
     *
     * @param value an object
     * @return what its {@code toString} says, or what that throws
     * @throws InterruptedException if this thread is interrupted
     */
    public String text(Object value) throws InterruptedException {
        String[] text = new String[1];
        Runnable making =
                () -> {
                    try {
                        text[0] = value.toString();
                    } catch (Throwable thrown) { // also of a stack that overflows
                        text[0] =
                                value.getClass().getName()
                                        + ", whose toString throws "
                                        + thrown.getClass().getName();
                    }
                };
        Thread thread = new Thread(making, "text");
        thread.setDaemon(true);
        thread.start();
        thread.join();
        return text[0];
    }

    /** Gives standard output and error back, and ends the shell. */
    public void close() {
        System.setOut(OUT);
        System.setErr(ERR);
        shell.close();
        variables.close();
    }
}
