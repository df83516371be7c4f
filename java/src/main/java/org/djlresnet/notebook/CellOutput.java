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
     * @return the texts in the order of printing, consecutive ones from different streams; an
     *     incomplete character stays in the queue
     */
    public synchronized List<Text> take() {
        List<Text> texts = new ArrayList<>();
        waiting = 0;
        Piece begun = null;
        while (!pieces.isEmpty()) {
            Piece piece = pieces.poll();
            byte[] bytes = piece.bytes().toByteArray();
            int end = pieces.isEmpty() ? wholeCharacters(bytes) : bytes.length;
            if (end > 0) {
                texts.add(
                        new Text(
                                piece.stream(), new String(bytes, 0, end, StandardCharsets.UTF_8)));
            }
            if (end < bytes.length) {
                begun = new Piece(piece.stream(), new ByteArrayOutputStream());
                begun.bytes().write(bytes, end, bytes.length - end);
                waiting = bytes.length - end;
            }
        }
        if (begun != null) {
            pieces.add(begun);
        }
        notifyAll();
        return texts;
    }

    /** Returns the length of UTF-8 bytes without an incomplete last character. */
    private static int wholeCharacters(byte[] bytes) {
        for (int back = 1; back <= Math.min(3, bytes.length); back++) {
            int b = bytes[bytes.length - back] & 0xff;
            if (b >= 0xc0) {
                int needed = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2;
                return needed > back ? bytes.length - back : bytes.length;
            }
            if (b < 0x80) {
                break;
            }
        }
        return bytes.length;
    }
}
