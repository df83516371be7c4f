package org.djlresnet.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.File;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.djlresnet.UserException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class JavaCellsTest {

    private PrintStream out;
    private PrintStream err;
    private JavaCells cells;

    @BeforeEach
    void open() {
        out = System.out;
        err = System.err;
        cells = new JavaCells(System.getProperty("java.class.path").split(File.pathSeparator));
    }

    @AfterEach
    void close() {
        cells.close();
    }

    private JsonObject run(String code) throws InterruptedException {
        cells.start(code);
        assertTrue(cells.await(60_000));
        return JsonParser.parseString(cells.result()).getAsJsonObject();
    }

    /** Runs code that fails and returns its error as "message @ cell:line source". */
    private String error(String code) throws InterruptedException {
        JsonObject error = run(code).getAsJsonObject("error");
        return String.format(
                "%s @ %s:%s %s",
                error.get("message").getAsString(),
                error.get("cell"),
                error.get("line"),
                error.get("source"));
    }

    @Test
    void reportsTheLineOfAnUnknownName() throws InterruptedException {
        assertEquals("unknown: method g() @ 1:2 \"  g();\"", error("void f() {\n  g();\n}\nf();"));
        assertEquals(
                "unknown: class Foo @ 2:1 \"class B extends Foo {}\"",
                error("class B extends Foo {}"));
        assertEquals(
                "unknown: class Foo @ 3:2 \"int h(Foo x) {\"",
                error("int a;\nint h(Foo x) {\n  return 1;\n}"));
    }

    /** Each of these compiles up to the writing of its class file, which then fails. */
    static Map<String, String> unwritable() {
        String text = "\"" + "y".repeat(70_000) + "\"";
        return Map.of(
                "constant string too long",
                text + ".length()",
                "too many constants",
                "class C {" + numbered(" static final long A%d = %1$d00000L;", 33_000) + " }");
    }

    private static String numbered(String format, int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> String.format(format, i))
                .collect(Collectors.joining());
    }

    @Test
    void laterCellsWorkAfterACellFailsToCompile() throws InterruptedException {
        run("int kept = 5;");
        for (Map.Entry<String, String> cell : unwritable().entrySet()) {
            String error = error(cell.getValue());
            assertTrue(error.startsWith(cell.getKey()), error);
            JsonObject next = run("int next() { return kept + 1; }\nnext()");
            assertEquals("done", next.get("state").getAsString(), cell.getKey());
            assertEquals(6, cells.variables().get(next.get("value").getAsString()).value());
        }
    }

    @Test
    void laterCellsWorkAfterAMethodFailsToCompile() throws InterruptedException {
        run("int early() { later(); return \"" + "y".repeat(70_000) + "\".length(); }");
        assertTrue(error("void later() { }").startsWith("UTF8 representation"));
        assertEquals("done", run("void later() { }\nlater();").get("state").getAsString());
    }

    @Test
    void reportsAFailureOfJshellItself() throws InterruptedException {
        run("int kept = 5;");
        String error = error("\nint deep = " + "1+".repeat(20_000) + "1;");
        assertTrue(
                error.startsWith("JShell failed on this code: java.lang.StackOverflowError"),
                error.substring(0, 100));
        assertEquals("done", run("kept").get("state").getAsString());
    }

    @Test
    void keepsAnArrayUntilItsNameIsDeclaredAgain() throws InterruptedException {
        cells.variables().putArray("x", bytes(1f), "FLOAT32", new long[] {1});
        run("ai.djl.ndarray.NDArray first = x;");
        cells.variables().putArray("y", bytes(2f), "FLOAT32", new long[] {1});
        assertEquals("done", run("first.getFloat(0)").get("state").getAsString());
        cells.variables().putArray("x", bytes(3f), "FLOAT32", new long[] {1});
        assertEquals("failed", run("first.getFloat(0)").get("state").getAsString());
        assertEquals(
                3f, cells.variables().get(run("x.getFloat(0)").get("value").getAsString()).value());
        cells.variables().put("x", 4);
        assertEquals(
                2f, cells.variables().get(run("y.getFloat(0)").get("value").getAsString()).value());
    }

    private static ByteBuffer bytes(float value) {
        return ByteBuffer.allocateDirect(4).order(ByteOrder.nativeOrder()).putFloat(0, value);
    }

    @Test
    void reportsTheLineOfAMethodBrokenByItsVariablesNewType() throws InterruptedException {
        cells.variables().put("x", 5);
        assertEquals("done", run("\nint twice() { return 2 * x; }").get("state").getAsString());
        cells.variables().put("x", 5.5);
        assertEquals(
                "incompatible types: possible lossy conversion from double to int"
                        + " @ 1:2 \"int twice() { return 2 * x; }\"",
                error("twice()"));
    }

    @Test
    void shortensTheTraceOfAnEndlessRecursion() throws InterruptedException {
        JsonObject error = run("void r() { r(); }\nr();").getAsJsonObject("error");
        assertEquals("java.lang.StackOverflowError", error.get("kind").getAsString());
        assertEquals(22, error.getAsJsonArray("trace").size());
    }

    @Test
    void reportsAnUnclosedComment() throws InterruptedException {
        String unclosed = "the code ends inside a comment, a string or brackets";
        assertEquals(unclosed + " @ 1:2 \"/**\"", error("\n/**"));
        assertTrue(error("int y = 1;\n/* open\nint w = 5;").startsWith(unclosed));
        assertTrue(error("\nint one() {\n  return 1; /* one\n}").contains(" @ 3:"));
        for (String closed : List.of("", "\n", "// /*", "/* one */\n/**/", "int v; // /* \"\"\"")) {
            assertEquals("done", run(closed).get("state").getAsString());
        }
    }

    @Test
    void printsExceptionsOfThreadsToStandardError() throws InterruptedException {
        run(
                "Thread thread = new Thread(() -> { throw new IllegalStateException(\"in"
                        + " thread\"); }, \"mine\");\nthread.start();\nthread.join();");
        assertPrinted("Exception in thread \"mine\" java.lang.IllegalStateException: in thread");
        // the cells' own handler is kept
        run("Thread.setDefaultUncaughtExceptionHandler((t, e) -> System.err.println(\"own\"));");
        run("thread = new Thread(() -> { throw new Error(); });\nthread.start();\nthread.join();");
        run("Thread.setDefaultUncaughtExceptionHandler(null);");
        assertEquals("[{\"stream\":\"stderr\",\"text\":\"own\\n\"}]", cells.output());
    }

    /** Asserts that only standard error was printed to: a line, then stack frames. */
    private void assertPrinted(String line) {
        JsonArray pieces = JsonParser.parseString(cells.output()).getAsJsonArray();
        assertEquals(1, pieces.size());
        JsonObject piece = pieces.get(0).getAsJsonObject();
        assertEquals("stderr", piece.get("stream").getAsString());
        List<String> lines = piece.get("text").getAsString().lines().toList();
        assertEquals(line, lines.get(0));
        assertTrue(lines.get(1).startsWith("\tat REPL."), lines.get(1));
    }

    @Test
    void runsOneCellAtATime() throws InterruptedException {
        cells.start("{ System.out.print(\"on\"); while (true) { } }");
        awaitOn();
        String rejected =
                assertThrows(UserException.class, () -> cells.start("int late = 1;")).getMessage();
        assertTrue(rejected.contains("is still running"), rejected);
        cells.kill();
        assertTrue(cells.await(60_000));
        assertEquals("cannot find symbol\n  symbol:   variable late @ 2:1 \"late\"", error("late"));
    }

    private void awaitOn() throws InterruptedException {
        while (!cells.output().contains("on")) {
            assertFalse(cells.await(10));
        }
    }

    /** The second statement is still being compiled, or already runs. */
    @Test
    void stopsACellBetweenTwoStatements() throws InterruptedException {
        cells.start("System.out.print(\"on\");\nwhile (true) { }");
        awaitOn();
        cells.kill();
        assertTrue(cells.await(60_000));
        cells.start("System.out.print(\"on\");\nwhile (!Thread.interrupted()) { }");
        awaitOn();
        cells.stop();
        assertTrue(cells.await(60_000));
        assertEquals("done", run("int next = 1;").get("state").getAsString());
        // the thread may still be ending; the timeout fails one that never does
        while (Thread.getAllStackTraces().keySet().stream()
                .anyMatch(thread -> thread.getName().equals("cell"))) {
            Thread.sleep(10);
        }
    }

    @Test
    void restoresStandardOutputWhenClosed() {
        System.out.print("in a cell");
        assertTrue(cells.output().contains("in a cell"));
        cells.close();
        assertSame(out, System.out);
        assertSame(err, System.err);
    }

    @Test
    void declaresAnObjectOfAHiddenClassByItsInterface() throws InterruptedException {
        cells.variables().put("list", List.of(1, 2));
        Supplier<String> hello = () -> "hello";
        cells.variables().put("supplier", hello);
        run("Object first = list.get(0); Object said = supplier.get();");
        assertEquals(1, cells.variables().get("first").value());
        assertEquals("hello", cells.variables().get("said").value());
        // back in its own variable it keeps its declared type
        run("List<Integer> numbers = List.of(3);");
        cells.variables().put("numbers", cells.variables().get("numbers").value());
        run("int number = numbers.get(0);");
        assertEquals(3, cells.variables().get("number").value());
    }
}
