package org.djlresnet.notebook;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class KernelOutputTest {

    private final List<String> messages = new ArrayList<>();
    private boolean inCell = true;
    private final KernelOutput output =
            new KernelOutput(sender("out "), sender("err "), () -> inCell);

    /** A stream that records each write as a message, as JJava's streams do. */
    private PrintStream sender(String prefix) {
        OutputStream target =
                new OutputStream() {
                    @Override
                    public void write(int b) {
                        throw new AssertionError("one byte is no message");
                    }

                    @Override
                    public void write(byte[] bytes, int offset, int length) {
                        String text = new String(bytes, offset, length, StandardCharsets.UTF_8);
                        messages.add(prefix + text);
                    }
                };
        return new PrintStream(target, true, StandardCharsets.UTF_8);
    }

    @Test
    void sendsManyLinesInOneMessage() {
        PrintStream out = output.stream("stdout");
        IntStream.range(0, 50_000).forEach(out::println);
        output.send();
        String lines =
                IntStream.range(0, 50_000).mapToObj(i -> i + "\n").collect(Collectors.joining());
        assertEquals(List.of("out " + lines), messages);
    }

    @Test
    void keepsTheOrderOfBothStreamsAndHoldsOutputBetweenCells() {
        output.stream("stdout").print("a");
        output.stream("stderr").print("b");
        output.stream("stdout").print("c");
        output.send();
        inCell = false;
        output.stream("stdout").print("late ");
        output.send();
        assertEquals(List.of("out a", "err b", "out c"), messages);
        inCell = true;
        output.stream("stdout").print("ä");
        output.send();
        assertEquals(List.of("out a", "err b", "out c", "out late ä"), messages);
    }
}
