package org.djlresnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.djlresnet.checkpoint.Checkpoint;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Runs each test in its own process. */
@Timeout(300)
class MainTest {

    @TempDir Path dir;

    private record Ended(int code, List<String> out, List<String> err) {}

    private Process start(String... args) throws IOException {
        return startWith("2g", args);
    }

    private Process startWith(String heap, String... args) throws IOException {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-Xmx" + heap,
                                // Java 24 and later warn without it
                                "--enable-native-access=ALL-UNNAMED",
                                "-cp",
                                System.getProperty("java.class.path"),
                                "org.djlresnet.Main"));
        command.addAll(List.of(args));
        ProcessBuilder process =
                new ProcessBuilder(command)
                        .redirectOutput(dir.resolve("out.txt").toFile())
                        .redirectError(dir.resolve("err.txt").toFile());
        // Java announces these on standard error
        process.environment()
                .keySet()
                .removeAll(List.of("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS"));
        return process.start();
    }

    private Ended end(Process process) throws IOException, InterruptedException {
        int code = process.waitFor();
        return new Ended(
                code,
                Files.readAllLines(dir.resolve("out.txt")),
                Files.readAllLines(dir.resolve("err.txt")));
    }

    private Ended main(String... args) throws IOException, InterruptedException {
        return end(start(args));
    }

    @Test
    void trains() throws IOException, InterruptedException {
        Path run = dir.resolve("run");
        Ended ended = main("epochs=1", "limit=256", "threads=2", "device=cpu", "out=" + run);
        assertEquals(0, ended.code, ended.err.toString());
        assertEquals(2, ended.out.size(), ended.out.toString());
        assertTrue(
                ended.out
                        .get(0)
                        .matches(
                                "epoch 1/1: train loss \\d+\\.\\d{3}, train acc 0\\.\\d{3}, test loss"
                                        + " \\d+\\.\\d{3}, test acc 0\\.\\d{3}, \\d+\\.\\d"
                                        + " examples/sec"),
                ended.out.get(0));
        assertEquals("run folder: " + run, ended.out.get(1));
        assertTrue(Files.size(run.resolve("figures").resolve("metrics.html")) > 0);
        // both engines are on the class path, and DJL alone would choose MXNet
        assertTrue(
                Files.readString(run.resolve("recipe.json")).contains("\"engine\": \"PyTorch\""));
        try (Checkpoint last = Checkpoint.open(run.resolve("last.safetensors"))) {
            assertTrue(last.describe().contains("\"step\":1,"), last.describe());
        }
    }

    @Test
    @DisabledOnOs(OS.WINDOWS) // no signal asks a process to end there
    void savesOnTerminationSignal() throws IOException, InterruptedException {
        Path run = dir.resolve("run");
        Process process = start("device=cpu", "out=" + run);
        Path log = run.resolve("log.txt");
        while (!Files.exists(log) && process.isAlive()) {
            process.waitFor(20, TimeUnit.MILLISECONDS);
        }
        process.destroy();
        Ended ended = end(process);
        assertEquals(128 + 15, ended.code);
        assertEquals(List.of(), ended.err);
        assertEquals(List.of("run folder: " + run), ended.out);
        String logged = Files.readString(log);
        assertTrue(logged.contains(" stopped at step "), logged);
        try (Checkpoint last = Checkpoint.open(run.resolve("last.safetensors"))) {
            assertTrue(last.describe().contains("\"epoch\":0,"), last.describe());
        }
    }

    @Test
    void reportsFullHeapInOneLine() throws IOException, InterruptedException {
        // the training images alone take 47 MB
        Path run = dir.resolve("run");
        Ended ended = end(startWith("24m", "device=cpu", "out=" + run));
        assertEquals(1, ended.code);
        assertEquals(1, ended.err.size(), ended.err.toString());
        assertTrue(ended.err.get(0).startsWith("error: Java's heap is full: "), ended.err.get(0));
        assertTrue(ended.err.get(0).contains("-Xmx"), ended.err.get(0));
        assertFalse(Files.exists(run));
    }

    @Test
    void rejectsUnknownSetting() throws IOException, InterruptedException {
        Ended ended = main("epoch=1");
        assertEquals(2, ended.code);
        assertEquals(List.of(), ended.out);
        assertEquals(1, ended.err.size(), ended.err.toString());
        assertTrue(
                ended.err.get(0).startsWith("error: Unknown setting. Received: 'epoch'. Allowed: "),
                ended.err.get(0));
        assertTrue(ended.err.get(0).endsWith(" Did you mean \"epochs\"?"), ended.err.get(0));
    }

    @Test
    void rejectsArgumentWithoutEqualsSign() throws IOException, InterruptedException {
        Ended ended = main("out=" + dir.resolve("run"), "--epochs");
        assertEquals(2, ended.code);
        assertEquals(
                List.of("error: Settings must have the form key=value. Received: '--epochs'."),
                ended.err);
        assertFalse(Files.exists(dir.resolve("run")));
    }

    @Test
    void printsHelp() throws IOException, InterruptedException {
        Ended ended = main("epochs=0", "--help");
        assertEquals(0, ended.code);
        assertEquals("usage: java org.djlresnet.Main [KEY=VALUE ...]", ended.out.get(0));
        assertEquals(List.of(), ended.err);
    }
}
