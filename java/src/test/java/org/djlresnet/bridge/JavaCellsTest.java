package org.djlresnet.bridge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.File;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.function.Supplier;
import org.djlresnet.UserException;
import org.djlresnet.model.Network;
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

    /** Runs code that fails: what is told of it, as "message @ cell:line source". */
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
    void aNameThatIsNowhereIsToldWithItsLine() throws InterruptedException {
        assertEquals("unknown: method g() @ 1:2 \"  g();\"", error("void f() {\n  g();\n}\nf();"));
        assertEquals(
                "unknown: class Foo @ 2:1 \"class B extends Foo {}\"",
                error("class B extends Foo {}"));
        assertEquals(
                "unknown: class Foo @ 3:2 \"int h(Foo x) {\"",
                error("int a;\nint h(Foo x) {\n  return 1;\n}"));
    }

    @Test
    void theEndOfJavaIsRefusedWhereverACellAsksForIt() throws InterruptedException {
        String refused =
                " would end Java, and this notebook's Python with it; restart the kernel instead @ ";
        assertEquals(
                "System.exit(3)" + refused + "1:2 \"System.exit(3);\"",
                error("long big = 1L;\nSystem.exit(3);"));
        assertEquals(
                "System.exit(4)" + refused + "2:1 \"void end() { System.exit(4); }\"",
                error("void end() { System.exit(4); }\nend();"));
        assertEquals(
                "System.exit(5)" + refused + "3:2 \"quit.accept(5);\"",
                error("IntConsumer quit = System::exit;\nquit.accept(5);"));
        // what comes before it is done, and what only looks like it is not refused
        assertEquals("done", run("big").get("state").getAsString());
        assertEquals(
                "done",
                run("class Door { int exit(int n) { return n; } }\nnew Door().exit(1);\n"
                                + "System.currentTimeMillis();")
                        .get("state")
                        .getAsString());
    }

    @Test
    void anArrayLivesUntilItsNameIsGivenAgain() throws InterruptedException {
        cells.variables().putArray("x", bytes(1f), "FLOAT32", new long[] {1});
        run("ai.djl.ndarray.NDArray first = x;");
        cells.variables().putArray("y", bytes(2f), "FLOAT32", new long[] {1});
        assertEquals("done", run("first.getFloat(0)").get("state").getAsString());
        cells.variables().putArray("x", bytes(3f), "FLOAT32", new long[] {1});
        assertEquals("failed", run("first.getFloat(0)").get("state").getAsString());
        assertEquals(
                3f, cells.variables().get(run("x.getFloat(0)").get("value").getAsString()).value());
        cells.variables().putWhole("x", 4);
        assertEquals(
                2f, cells.variables().get(run("y.getFloat(0)").get("value").getAsString()).value());
    }

    private static ByteBuffer bytes(float value) {
        return ByteBuffer.allocateDirect(4).order(ByteOrder.nativeOrder()).putFloat(0, value);
    }

    @Test
    void aMethodThatIsNotCompleteYetIsWarnedOf() throws InterruptedException {
        assertEquals("done", run("\nint f() { return nmae; }").get("state").getAsString());
        assertEquals(
                "[{\"stream\":\"stderr\",\"text\":\"warning: line 2: unknown: variable"
                        + " nmae\\n\"}]",
                cells.output());
        // what comes later in the cell is soon enough
        JsonObject result =
                run("int even(int n) { return odd(n); } int odd(int n) { return 7; } even(1)");
        assertEquals("[]", cells.output());
        assertEquals(7, cells.variables().get(result.get("value").getAsString()).value());
    }

    @Test
    void aMethodThatAnotherTypeOfItsVariableBreaksIsToldWithItsLine() throws InterruptedException {
        cells.variables().putWhole("x", 5);
        assertEquals("done", run("\nint twice() { return 2 * x; }").get("state").getAsString());
        cells.variables().putReal("x", 5.5);
        assertEquals(
                "incompatible types: possible lossy conversion from double to int"
                        + " @ 1:2 \"int twice() { return 2 * x; }\"",
                error("twice()"));
    }

    @Test
    void aStackWithoutEndIsCutShort() throws InterruptedException {
        JsonObject error = run("void r() { r(); }\nr();").getAsJsonObject("error");
        assertEquals("java.lang.StackOverflowError", error.get("kind").getAsString());
        assertEquals(22, error.getAsJsonArray("trace").size());
    }

    @Test
    void aCommentWithoutEndIsAnErrorWhereItBegins() throws InterruptedException {
        assertEquals(
                "unclosed comment @ 1:2 \"/* open\"", error("int y = 1;\n/* open\nint w = 5;"));
        // of such a cell nothing is done
        assertEquals("cannot find symbol\n  symbol:   variable y @ 2:1 \"y\"", error("y"));
        assertEquals("unclosed comment @ 3:1 \"/**\"", error("/**"));
        assertEquals(
                "unclosed comment @ 4:3 \"  return 1; /* one\"",
                error("\nint one() {\n  return 1; /* one\n}"));
        assertEquals(
                "unclosed comment @ 5:2 \"/* two\"", error("String s = \"/*\"; /* one */\n/* two"));
        for (String closed : List.of("", "\n", "// /*", "/* one */\n/**/", "int v; // /* \"\"\"")) {
            assertEquals("done", run(closed).get("state").getAsString());
        }
    }

    @Test
    void whatAThreadOfACellThrowsIsToldOnStandardError() throws InterruptedException {
        run(
                "Thread thread = new Thread(() -> { throw new IllegalStateException(\"in"
                        + " thread\"); }, \"mine\");\nthread.start();\nthread.join();");
        assertTold("Exception in thread \"mine\" java.lang.IllegalStateException: in thread");
        run(
                "var pool = java.util.concurrent.Executors.newFixedThreadPool(1, task -> new"
                        + " Thread(task, \"pooled\"));");
        run(
                "pool.execute(() -> { throw new IllegalArgumentException(\"in pool\"); });\n"
                        + "pool.shutdown();\n"
                        + "pool.awaitTermination(1, java.util.concurrent.TimeUnit.MINUTES);");
        assertTold("Exception in thread \"pooled\" java.lang.IllegalArgumentException: in pool");
        // a handler of the cells' own is kept
        run("Thread.setDefaultUncaughtExceptionHandler((t, e) -> System.err.println(\"own\"));");
        run("thread = new Thread(() -> { throw new Error(); });\nthread.start();\nthread.join();");
        run("Thread.setDefaultUncaughtExceptionHandler(null);");
        assertEquals("[{\"stream\":\"stderr\",\"text\":\"own\\n\"}]", cells.output());
    }

    /**
     * Asserts that standard error has a line and, below it, frames, and standard output nothing.
     */
    private void assertTold(String line) {
        JsonArray pieces = JsonParser.parseString(cells.output()).getAsJsonArray();
        assertEquals(1, pieces.size());
        JsonObject piece = pieces.get(0).getAsJsonObject();
        assertEquals("stderr", piece.get("stream").getAsString());
        List<String> lines = piece.get("text").getAsString().lines().toList();
        assertEquals(line, lines.get(0));
        assertTrue(lines.get(1).startsWith("\tat REPL."), lines.get(1));
    }

    @Test
    void oneCellRunsAtATime() throws InterruptedException {
        cells.start("{ System.out.print(\"on\"); while (true) { } }");
        awaitOn();
        String refused =
                assertThrows(UserException.class, () -> cells.start("int late = 1;")).getMessage();
        assertTrue(refused.contains("is still running"), refused);
        cells.kill();
        assertTrue(cells.await(60_000));
        assertEquals("cannot find symbol\n  symbol:   variable late @ 2:1 \"late\"", error("late"));
    }

    private void awaitOn() throws InterruptedException {
        while (!cells.output().contains("on")) {
            assertFalse(cells.await(10));
        }
    }

    /** The second statement is compiled while it is asked, or runs already. */
    @Test
    void aCellThatIsEndedBetweenTwoStatementsDoesNotGoOn() throws InterruptedException {
        cells.start("System.out.print(\"on\");\nwhile (true) { }");
        awaitOn();
        cells.kill();
        assertTrue(cells.await(60_000));
        cells.start("System.out.print(\"on\");\nwhile (!Thread.interrupted()) { }");
        awaitOn();
        cells.stop();
        assertTrue(cells.await(60_000));
        assertEquals("done", run("int next = 1;").get("state").getAsString());
        // a thread may be about to end; one that is not meets the time-out
        while (Thread.getAllStackTraces().keySet().stream()
                .anyMatch(thread -> thread.getName().equals("cell"))) {
            Thread.sleep(10);
        }
    }

    @Test
    void whatJavaPrintsGoesWhereItWentBeforeOnceTheCellsAreClosed() {
        System.out.print("in a cell");
        assertTrue(cells.output().contains("in a cell"));
        cells.close();
        assertSame(out, System.out);
        assertSame(err, System.err);
    }

    @Test
    void threadsOfACellThatIsEndedAreSilent() throws InterruptedException {
        run("Thread turning;");
        cells.start(
                "{ turning = new Thread(() -> { System.out.print(\"on\"); while (true) { } });\n"
                        + "turning.start(); while (true) { } }");
        awaitOn();
        cells.kill();
        assertTrue(cells.await(60_000));
        assertEquals(
                "stopped",
                JsonParser.parseString(cells.result())
                        .getAsJsonObject()
                        .get("state")
                        .getAsString());
        run("turning.join();");
        assertEquals("[]", cells.output());
    }

    @Test
    void anObjectOfAClassThatIsNotPublicIsKnownByItsInterface() throws InterruptedException {
        cells.variables().putObject("list", List.of(1, 2));
        Supplier<String> hello = () -> "hello";
        cells.variables().putObject("supplier", hello);
        run("Object first = list.get(0); Object said = supplier.get();");
        assertEquals(1, cells.variables().get("first").value());
        assertEquals("hello", cells.variables().get("said").value());
        // back where it came from it is what it was declared as
        run("List<Integer> numbers = List.of(3);");
        cells.variables().putObject("numbers", cells.variables().get("numbers").value());
        run("int number = numbers.get(0);");
        assertEquals(3, cells.variables().get("number").value());
    }

    @Test
    void aNetworkHasOneHandle() throws InterruptedException {
        Network network = Network.create("plain20", 1, List.of("a", "b"), 0, Device.cpu());
        try (NetworkHandle handle = new NetworkHandle(network, "{}")) {
            cells.variables().putNetwork("network", handle);
            run("var own = network;");
            assertSame(handle, cells.variables().get("own").value());
        }
    }
}
