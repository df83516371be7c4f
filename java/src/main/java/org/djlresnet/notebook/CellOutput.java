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

/** What Java code prints, in its order over both streams, until the notebook takes it. */
public final class CellOutput {

    /** A cell that prints faster than the notebook takes waits rather than fill the memory. */
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

    /** Creates an empty queue, in which any amount may wait. */
    public CellOutput() {}

    /**
     * Creates a stream that ends here.
     *
     * @param name what the pieces are called: {@code stdout} or {@code stderr}
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
     * Sets whether someone takes what is printed, for whom one can wait.
     *
     * @param taken whether printing waits for the taker
     */
    public synchronized void setBounded(boolean taken) {
        bounded = taken;
        notifyAll();
    }

    private synchronized void add(String stream, byte[] bytes, int offset, int length)
            throws InterruptedIOException {
        while (bounded && waiting > MOST_WAITING) {
            try {
                wait();
            } catch (InterruptedException interrupted) {
                // a PrintStream interrupts its thread again; what was to be printed comes first
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
     * Takes what was printed since the last time.
     *
     * @return the texts in the order of printing, no two of one stream in a row; a character of
     *     which a part is missing stays behind
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

    /** Returns where a character begins that UTF-8 bytes do not end, or else their length. */
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
