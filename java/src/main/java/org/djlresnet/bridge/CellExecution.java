package org.djlresnet.bridge;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.BooleanSupplier;
import jdk.jshell.execution.LocalExecutionControl;

/**
 * Runs the snippets of cells in this JVM, each on its own thread.
 *
 * <p>JShell hides the exceptions of threads in its own group. A cell therefore runs in a nested
 * group, which prints them to standard error as Java does.
 */
final class CellExecution extends LocalExecutionControl {

    /** The name of the thread group that a cell and its threads run in. */
    static final String GROUP = "Java cell";

    /** JShell creates the thread and can only call a static method on it. */
    private static final InheritableThreadLocal<Call> CALL = new InheritableThreadLocal<>();

    private record Call(
            Method snippet, Thread.UncaughtExceptionHandler handler, BooleanSupplier stopped) {}

    private final BooleanSupplier stopped;

    /**
     * Creates the execution of a shell's snippets.
     *
     * @param stopped whether the running cell was interrupted
     */
    CellExecution(BooleanSupplier stopped) {
        this.stopped = stopped;
    }

    @Override
    protected String invoke(Method snippet) throws Exception {
        CALL.set(new Call(snippet, Thread.getDefaultUncaughtExceptionHandler(), stopped));
        try {
            Method run = CellExecution.class.getDeclaredMethod("run");
            run.setAccessible(true);
            return super.invoke(run);
        } finally {
            CALL.remove();
        }
    }

    /** Runs a snippet on its own thread and returns once that thread has ended. */
    private static Object run() throws Throwable {
        Call call = CALL.get();
        CALL.remove(); // otherwise every thread of the cell would inherit it
        // before Java 20, JShell replaces the JVM's handler with a silent one
        Thread.setDefaultUncaughtExceptionHandler(call.handler());
        // the interruption may have come before the thread existed
        FutureTask<Object> task =
                new FutureTask<>(
                        () -> call.stopped().getAsBoolean() ? null : call.snippet().invoke(null));
        Thread thread = new Thread(new Group(), task, "cell");
        thread.start();
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException | ThreadDeath stop) {
                // JShell stops the cell's thread as well; wait for it
            }
        }
        if (!task.isDone()) { // stopped before it started
            throw new ThreadDeath();
        }
        try {
            return task.get();
        } catch (ExecutionException thrown) {
            Throwable cause = thrown.getCause();
            throw cause instanceof InvocationTargetException ? cause.getCause() : cause;
        }
    }

    private static final class Group extends ThreadGroup {

        Group() {
            super(GROUP);
        }

        @Override
        public void uncaughtException(Thread thread, Throwable thrown) {
            if (!(thrown instanceof ThreadDeath)) { // JShell's way to stop a cell
                ThreadGroup silent = getParent();
                silent.getParent().uncaughtException(thread, thrown);
            }
        }
    }
}
