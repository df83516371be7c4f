package org.djlresnet.notebook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.djlresnet.QuadrantImages;
import org.djlresnet.model.Network;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.training.Progress;
import org.djlresnet.training.Trainer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class BarsTest {

    private final ByteArrayOutputStream drawn = new ByteArrayOutputStream();
    private final PrintStream out = new PrintStream(drawn, true, StandardCharsets.UTF_8);

    private static Trainer trainer(Recipe recipe, Network network) {
        return new Trainer(
                recipe, network, QuadrantImages.of(32, 1), QuadrantImages.of(8, 2), null);
    }

    private static Network network(Recipe recipe) {
        return Network.create(QuadrantImages.specification(recipe), recipe.seed(), Device.cpu());
    }

    @Test
    void drawsEachBarOnce() throws InterruptedException {
        Recipe recipe = QuadrantImages.recipe("{'epochs': 2, 'batch_size': 16}");
        try (Network network = network(recipe)) {
            assertEquals(2, Bars.train(trainer(recipe, network), out).size());
        }
        String text = drawn.toString(StandardCharsets.UTF_8);
        List<String> lines = text.lines().filter(line -> line.startsWith("epoch ")).toList();
        assertEquals(2, lines.size(), text);
        assertTrue(lines.get(1).startsWith("epoch 2/2: train loss "), text);
        List<String> bars = List.of(text.split("[\r\n]+"));
        for (int i = 1; i < bars.size(); i++) {
            assertFalse(bars.get(i).equals(bars.get(i - 1)), text);
        }
        assertFalse(text.contains("Interrupted"), text);
    }

    private static String phase(String state, int epoch, int done, String loss) {
        return "{'state': '%s', 'epoch': %d, 'epochs': 1, 'done': %d, 'total': 40, 'metrics': {'loss': %s}, 'examples_per_second': null"
                .formatted(state, epoch, done, loss);
    }

    @Test
    void endsABarWithTheFinalMetricsOfItsPhase() {
        String row =
                "{'epoch': 1, 'step': 5, 'seconds': 1, 'validation_seconds': 1,"
                        + " 'examples_per_second': 8, 'lr': 0.1, 'train_loss': 1.25, 'test_loss': 1.5}";
        String trained = ", 'ended': " + phase("training", 1, 40, "1.25") + "}";
        String validated = ", 'ended': " + phase("validating", 1, 40, "1.5") + "}";
        Bars bars = new Bars(out);
        bars.show(phase("training", 1, 20, "9") + ", 'ended': null, 'rows': []}");
        bars.show(phase("validating", 1, 20, "9") + trained + ", 'rows': []}");
        bars.show(phase("done", 1, 40, "1.5") + validated + ", 'rows': [" + row + "]}");
        String bar = "██████████████████████████████";
        assertEquals(
                List.of(
                        "Training   1/1 100% |" + bar + "| 40/40, loss 1.250",
                        "Validating 1/1 100% |" + bar + "| 40/40, loss 1.500",
                        "epoch 1/1: train loss 1.250, test loss 1.500"),
                drawn.toString(StandardCharsets.UTF_8)
                        .lines()
                        .filter(line -> line.startsWith("epoch") || line.contains("100%"))
                        .toList());
    }

    @Test
    void returnsAfterAnInterruptedRunHasEnded() throws InterruptedException {
        Recipe recipe = QuadrantImages.recipe("{'epochs': 100, 'batch_size': 16}");
        CountDownLatch inBatch = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        try (Network network = network(recipe)) {
            Trainer trainer = trainer(recipe, network);
            trainer.onEpoch(
                    row -> {
                        inBatch.countDown();
                        await(release);
                    });
            Throwable[] thrown = new Throwable[1];
            Thread cell = cell(trainer, thrown);
            inBatch.await();
            cell.interrupt();
            while (!Bars.isEnding() || cell.getState() != Thread.State.WAITING) {
                Thread.onSpinWait();
            }
            cell.interrupt(); // again, while the run is ending
            cell.join(300);
            assertTrue(cell.isAlive());
            release.countDown();
            cell.join();
            assertInstanceOf(InterruptedException.class, thrown[0]);
            assertEquals(Progress.State.STOPPED, trainer.progress().state());
            assertFalse(Bars.isEnding());
        }
        // on its own line, with or without a bar before it
        String text = "\n" + drawn.toString(StandardCharsets.UTF_8);
        assertTrue(
                text.contains("\nInterrupted. Finishing the batch and saving the state.\n"), text);
    }

    private Thread cell(Trainer trainer, Throwable[] thrown) {
        Thread thread =
                new Thread(
                        () -> {
                            try {
                                Bars.train(trainer, out);
                            } catch (Throwable any) {
                                thrown[0] = any;
                            }
                        });
        thread.start();
        return thread;
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException unexpected) {
            throw new IllegalStateException(unexpected);
        }
    }
}
