package org.djlresnet.notebook;

import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RunnableFuture;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The threads of the Java kernel's cells: a cell that is interrupted has ended when its thread has,
 * not before.
 *
 * <p>The thread is interrupted first. What does not end by that is stopped where Java still can do
 * so, which is before version 20, unless a training of {@link Bars} ends its batch.
 */
final class CellThreads extends ThreadPoolExecutor {

    private static final long POLL_MILLIS = 50;
    private static final long NANOS_TO_END = 2_000_000_000;

    private final Runnable begin;
    private final Runnable end;

    /**
     * Creates it.
     *
     * @param factory makes the threads
     * @param begin called on a snippet's thread before it runs
     * @param end called when it has ended, on the thread that waited
     */
    CellThreads(ThreadFactory factory, Runnable begin, Runnable end) {
        super(0, Integer.MAX_VALUE, 60, TimeUnit.SECONDS, new SynchronousQueue<>(), factory);
        this.begin = begin;
        this.end = end;
    }

    @Override
    protected <T> RunnableFuture<T> newTaskFor(Callable<T> snippet) {
        return new Task<>(snippet);
    }

    private final class Task<T> extends FutureTask<T> {

        private volatile Thread thread;
        private volatile boolean interrupted;

        Task(Callable<T> snippet) {
            super(snippet);
        }

        @Override
        public void run() {
            begin.run();
            thread = Thread.currentThread();
            if (interrupted) {
                thread.interrupt();
            }
            super.run();
            thread = null;
            // or the next snippet on this thread would begin interrupted
            Thread.interrupted();
        }

        /** Asks the snippet to end, and leaves it to {@link #get} to see that it does. */
        @Override
        public boolean cancel(boolean mayInterruptIfRunning) {
            interrupted = true;
            Thread running = thread;
            if (running != null) {
                running.interrupt();
            }
            return true;
        }

        @Override
        public T get() throws InterruptedException, ExecutionException {
            try {
                return await();
            } finally {
                end.run();
            }
        }

        private T await() throws InterruptedException, ExecutionException {
            long patience = NANOS_TO_END;
            boolean stopped = false;
            long last = System.nanoTime();
            while (!isDone()) {
                try {
                    get(POLL_MILLIS, TimeUnit.MILLISECONDS);
                } catch (TimeoutException | ExecutionException notDone) {
                    // looked at below
                }
                long now = System.nanoTime();
                if (interrupted && !Bars.isEnding()) {
                    patience -= now - last;
                }
                last = now;
                if (patience < 0 && !isDone()) {
                    if (stopped || !stop()) {
                        throw new ExecutionException(notEnded());
                    }
                    stopped = true;
                    patience = NANOS_TO_END;
                }
            }
            if (interrupted) {
                throw new CancellationException();
            }
            return super.get();
        }

        private static IllegalStateException notEnded() {
            IllegalStateException error =
                    new IllegalStateException("the Java cell cannot be ended; restart the kernel");
            // the notebook would show the way through this class
            error.setStackTrace(new StackTraceElement[0]);
            return error;
        }

        /** Stops the thread where it is, and tells whether this Java can. */
        @SuppressWarnings({"deprecation", "removal"})
        private boolean stop() {
            Thread running = thread;
            try {
                if (running != null) {
                    running.stop();
                }
                return true;
            } catch (UnsupportedOperationException fromJava20) {
                return false;
            }
        }
    }
}
