package org.djlresnet.notebook;

import java.io.PrintStream;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiConsumer;

/**
 * Sends what the cells of the Java kernel print, gathered, as messages of the cell that runs or ran
 * last.
 *
 * <p>A message for each line, which is JJava's way, is more than its socket holds for a slow
 * reader: it drops the rest, with the message that the cell has ended among it.
 */
final class KernelOutput {

    private static final long INTERVAL_NANOS = 50_000_000;

    /** In an interval; a notebook server drops what goes beyond 1000 messages in a second. */
    private static final int MOST_MESSAGES = 20;

    private final CellOutput output = new CellOutput();
    private final BiConsumer<Object, String> toOut;
    private final BiConsumer<Object, String> toErr;
    private volatile Object cell;

    /**
     * Creates it.
     *
     * @param toOut sends a text of standard output as a message of a cell
     * @param toErr the same for standard error
     */
    KernelOutput(BiConsumer<Object, String> toOut, BiConsumer<Object, String> toErr) {
        this.toOut = toOut;
        this.toErr = toErr;
        output.setBounded(true);
    }

    /** Begins to send what is printed, soon after it is. */
    void start() {
        Thread thread =
                new Thread(
                        () -> {
                            while (true) {
                                LockSupport.parkNanos(INTERVAL_NANOS);
                                send();
                            }
                        },
                        "kernel-output");
        thread.setDaemon(true);
        thread.start();
    }

    PrintStream stream(String name) {
        return output.stream(name);
    }

    /** Names the cell that what is printed from now on belongs to, also after its end. */
    void begin(Object newCell) {
        cell = newCell;
    }

    /** Sends all that was printed until now; when this returns, it lies before later messages. */
    synchronized void send() {
        Object to = cell;
        if (to == null) {
            return;
        }
        List<CellOutput.Text> texts = output.take();
        for (int i = 0; i < texts.size(); i++) {
            if (i > 0 && i % MOST_MESSAGES == 0) {
                LockSupport.parkNanos(INTERVAL_NANOS);
            }
            CellOutput.Text text = texts.get(i);
            (text.stream().equals("stdout") ? toOut : toErr).accept(to, text.text());
        }
    }
}
