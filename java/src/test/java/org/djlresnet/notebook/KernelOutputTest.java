package org.djlresnet.notebook;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class KernelOutputTest {

    private final List<String> messages = new ArrayList<>();
    private final KernelOutput output =
            new KernelOutput(
                    (cell, text) -> messages.add(cell + " out " + text),
                    (cell, text) -> messages.add(cell + " err " + text));

    @Test
    void manyLinesAreFewMessagesAndNoneIsLost() {
        output.begin("cell 1");
        PrintStream out = output.stream("stdout");
        IntStream.range(0, 50_000).forEach(out::println);
        output.send();
        String all =
                messages.stream()
                        .map(message -> message.substring("cell 1 out ".length()))
                        .collect(Collectors.joining());
        assertEquals(
                IntStream.range(0, 50_000).mapToObj(i -> i + "\n").collect(Collectors.joining()),
                all);
        assertEquals(1, messages.size());
    }

    @Test
    void bothStreamsKeepTheirOrderAndTheLastCellItsThreads() {
        output.stream("stdout").print("before any cell ");
        output.begin("cell 1");
        output.stream("stdout").print("a");
        output.stream("stderr").print("b");
        output.stream("stdout").print("c");
        output.send();
        output.stream("stdout").print("late");
        output.send();
        output.begin("cell 2");
        output.stream("stdout").print("d");
        output.send();
        assertEquals(
                List.of(
                        "cell 1 out before any cell a",
                        "cell 1 err b",
                        "cell 1 out c",
                        "cell 1 out late",
                        "cell 2 out d"),
                messages);
    }
}
