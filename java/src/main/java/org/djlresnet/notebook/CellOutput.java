package org.djlresnet.notebook;

import java.io.ByteArrayOutputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** Queues the output of Java code to both streams, in order, until the notebook reads it. */
public final class CellOutput {

    /** A cell that has printed more than this many bytes blocks, to limit memory use. */
    private static final int MOST_WAITING = 1 << 20;

    /** The UTF-8 bytes of U+FFFD, which otherwise stands for bytes that are no character. */
    private static final String REPLACEMENT = "\u00EF\u00BF\u00BD";

    private final Deque<Piece> pieces = new ArrayDeque<>();
    private int waiting;
    private boolean bounded;

    private record Piece(String stream, ByteArrayOutputStream bytes) {}

    /**
     * Text of one stream.
     *
     * @param stream {@code stdout} or {@code stderr}
     * @param text what was printed
     */
    public record Text(String stream, String text) {}

    /** Creates an empty, unbounded queue. */
    public CellOutput() {}

    /**
     * Creates a stream that writes to this queue.
     *
     * @param name {@code stdout} or {@code stderr}
     * @return the stream
     */
    public PrintStream stream(String name) {
        OutputStream target =
                new OutputStream() {
                    @Override
                    public void write(int b) throws InterruptedIOException {
                        add(name, new byte[] {(byte) b}, 0, 1);
                    }

                    @Override
                    public void write(byte[] bytes, int offset, int length)
                            throws InterruptedIOException {
                        add(name, bytes, offset, length);
                    }
                };
        return new PrintStream(target, true, StandardCharsets.UTF_8);
    }

    /**
     * Sets whether the queue is bounded.
     *
     * @param isBounded whether printing waits while the queue is full
     */
    public synchronized void setBounded(boolean isBounded) {
        bounded = isBounded;
        notifyAll();
    }

    private synchronized void add(String stream, byte[] bytes, int offset, int length)
            throws InterruptedIOException {
        while (bounded && waiting > MOST_WAITING) {
            try {
                wait();
            } catch (InterruptedException interrupted) {
                // print first; the PrintStream keeps the interruption
                Thread.currentThread().interrupt();
                break;
            }
        }
        if (pieces.isEmpty() || !pieces.peekLast().stream().equals(stream)) {
            pieces.add(new Piece(stream, new ByteArrayOutputStream()));
        }
        pieces.peekLast().bytes().write(bytes, offset, length);
        waiting += length;
    }

    /**
     * Returns and removes the output since the last call.
     *
     * @return the texts in the order of printing, consecutive ones from different streams; a text
     *     that ends inside a character stays in the queue
     */
    public synchronized List<Text> take() {
        List<Text> texts = new ArrayList<>();
        waiting = 0;
        notifyAll();
        while (!pieces.isEmpty()) {
            ByteArrayOutputStream bytes = pieces.peek().bytes();
            String text = bytes.toString(StandardCharsets.UTF_8);
            boolean printed = bytes.toString(StandardCharsets.ISO_8859_1).endsWith(REPLACEMENT);
            if (pieces.size() == 1 && text.endsWith("\uFFFD") && !printed) {
                break;
            }
            texts.add(new Text(pieces.poll().stream(), text));
        }
        return texts;
    }
}
