package org.djlresnet.bridge;

/** Runs work on a thread of its own, and keeps the error that ended it. */
final class Task {

    private final Thread thread;
    private volatile Throwable failure;

    /**
     * Starts the work.
     *
     * @param name the thread's name
     * @param work the work
     */
    Task(String name, Runnable work) {
        thread = new Thread(work, name);
        thread.setUncaughtExceptionHandler((any, thrown) -> failure = thrown);
        thread.setDaemon(true);
        thread.start();
    }

    /**
     * Waits for the end.
     *
     * @param milliseconds the longest time to wait
     * @return whether it has ended
     * @throws InterruptedException if this thread is interrupted
     */
    boolean await(long milliseconds) throws InterruptedException {
        thread.join(milliseconds);
        return !thread.isAlive();
    }

    /** Throws the error that ended the work, if any. */
    void check() {
        if (failure instanceof RuntimeException exception) {
            throw exception;
        }
        if (failure instanceof Error error) {
            throw error;
        }
    }
}
