package org.djlresnet.notebook;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * Collects the output of the Java kernel's cells and sends it 20 times a second.
 *
 * <p>JJava sends a message for each line. A fast cell overflows its socket, which then drops
 * messages, including the one that ends the cell.
 */
final class KernelOutput {

    private static final long INTERVAL_NANOS = 50_000_000;

    private final CellOutput output = new CellOutput();
    private final PrintStream out;
    private final PrintStream err;
    private final BooleanSupplier inCell;

    /**
     * Creates a collector.
     *
     * @param out sends each write to standard output as a message
     * @param err the same for standard error
     * @param inCell whether there is a cell to send to; output waits until there is
     */
    KernelOutput(PrintStream out, PrintStream err, BooleanSupplier inCell) {
        this.out = out;
        this.err = err;
        this.inCell = inCell;
        output.setBounded(true);
    }

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

    /** Sends everything printed so far, before any later message of the cell. */
    synchronized void send() {
        if (!inCell.getAsBoolean()) {
            return;
        }
        for (CellOutput.Text text : output.take()) {
            byte[] bytes = text.text().getBytes(StandardCharsets.UTF_8);
            (text.stream().equals("stdout") ? out : err).write(bytes, 0, bytes.length);
        }
    }
}
