package org.djlresnet.notebook;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import org.djlresnet.training.EpochRow;
import org.djlresnet.training.Trainer;

/** Trains in a cell of a notebook, with a bar for each pass over the data. */
public final class Bars {

    private static final int WIDTH = 30;
    private static final String TRAINING = "training";

    /** Between looks: a pass that takes no longer than that is not shown. */
    private static final long LOOK_MILLIS = 10;

    private static final long DRAW_NANOS = 50_000_000;
    private static final AtomicInteger ENDING = new AtomicInteger();

    private final PrintStream out;
    private String phase = "";
    private String drawn = "";
    private long drawnAt;
    private JsonObject last;
    private int rows;

    Bars(PrintStream out) {
        this.out = out;
    }

    /**
     * Trains on a thread of its own, while this one draws on standard output. When this thread is
     * interrupted, the run ends after its batch, with {@code last} saved.
     *
     * @param trainer the loop, not begun
     * @return a row an epoch
     * @throws InterruptedException if this thread was interrupted; the run has ended then
     */
    public static List<EpochRow> train(Trainer trainer) throws InterruptedException {
        return train(trainer, System.out);
    }

    /**
     * As {@link #train(Trainer)}, drawing elsewhere.
     *
     * @param trainer the loop, not begun
     * @param out where to draw
     * @return a row an epoch
     * @throws InterruptedException if this thread was interrupted; the run has ended then
     */
    public static List<EpochRow> train(Trainer trainer, PrintStream out)
            throws InterruptedException {
        Throwable[] failure = new Throwable[1];
        // outside of the group of a cell's threads, which an interruption ends wherever they are
        ThreadGroup group = Thread.currentThread().getThreadGroup();
        while (group.getParent() != null) {
            group = group.getParent();
        }
        Thread thread = new Thread(group, trainer::run, "training");
        thread.setUncaughtExceptionHandler((any, thrown) -> failure[0] = thrown);
        thread.setDaemon(true);
        thread.start();
        Bars bars = new Bars(out);
        try {
            while (thread.isAlive()) {
                thread.join(LOOK_MILLIS);
                bars.show(trainer.progress().toJson(bars.rows));
            }
        } finally {
            trainer.stop();
            ENDING.incrementAndGet();
            try {
                bars.end();
                if (thread.isAlive()) {
                    out.println("interrupted: the run ends its batch and saves its state");
                }
                join(thread);
            } finally {
                ENDING.decrementAndGet();
            }
        }
        if (failure[0] instanceof RuntimeException exception) {
            throw exception;
        }
        if (failure[0] instanceof Error error) {
            throw error;
        }
        return trainer.progress().rows();
    }

    /**
     * Tells whether a training ends its batch and saves its state, which no one may cut short.
     *
     * @return whether the thread of a cell is waiting for that
     */
    public static boolean isEnding() {
        return ENDING.get() > 0;
    }

    /** Waits for a thread's end, whatever is done to this one meanwhile. */
    private static void join(Thread thread) {
        boolean interrupted = false;
        ThreadDeath stopped = null;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException again) {
                interrupted = true;
            } catch (ThreadDeath again) {
                stopped = again;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (stopped != null) {
            throw stopped;
        }
    }

    /**
     * Draws what a run tells.
     *
     * @param progress {@link org.djlresnet.training.Progress#toJson} from the first row that was
     *     not shown yet
     */
    void show(String progress) {
        JsonObject now = JsonParser.parseString(progress).getAsJsonObject();
        int epochs = now.get("epochs").getAsInt();
        if (now.get("ended") instanceof JsonObject ended && title(ended, epochs).equals(phase)) {
            last = ended;
        }
        for (JsonElement element : now.getAsJsonArray("rows")) {
            rows++;
            finish(EpochRow.fromJson(element.toString()), epochs);
        }
        String state = now.get("state").getAsString();
        boolean testing = state.equals("testing");
        boolean inEpoch = state.equals(TRAINING) || state.equals("validating");
        if (!testing && !(inEpoch && now.get("epoch").getAsInt() > rows)) {
            return;
        }
        String title = title(now, epochs);
        boolean begins = !title.equals(phase);
        if (begins) {
            complete();
            phase = title;
        }
        last = now;
        if (begins || System.nanoTime() - drawnAt >= DRAW_NANOS) {
            draw(now.get("done").getAsLong());
        }
    }

    private static String title(JsonObject phase, int epochs) {
        String state = phase.get("state").getAsString();
        return String.format(
                Locale.ROOT,
                "%-10s %d/%d",
                state.substring(0, 1).toUpperCase(Locale.ROOT) + state.substring(1),
                phase.get("epoch").getAsInt(),
                epochs);
    }

    private void finish(EpochRow row, int epochs) {
        if (!phase.isEmpty()) {
            boolean training = last.get("state").getAsString().equals(TRAINING);
            JsonObject metrics = new JsonObject();
            row.metrics()
                    .forEach(
                            (column, value) -> {
                                int split = column.indexOf('_');
                                if (column.startsWith("train_") == training) {
                                    metrics.addProperty(column.substring(split + 1), value);
                                }
                            });
            last.add("metrics", metrics);
        }
        complete();
        out.println("epoch " + row.epoch() + "/" + epochs + ": " + row.inWords());
    }

    /** Draws the bar of a phase that is over to its end. */
    private void complete() {
        if (!phase.isEmpty()) {
            draw(last.get("total").getAsLong());
        }
        end();
    }

    private void end() {
        if (!phase.isEmpty()) {
            out.println();
            out.flush();
        }
        phase = "";
    }

    private void draw(long done) {
        long total = last.get("total").getAsLong();
        int full = (int) (done * WIDTH / total);
        StringBuilder line = new StringBuilder("\r").append(phase);
        line.append(String.format(Locale.ROOT, " %3d%% |", 100 * done / total));
        line.append("█".repeat(full)).append(" ".repeat(WIDTH - full)).append("| ");
        line.append(done).append('/').append(total);
        last.getAsJsonObject("metrics")
                .entrySet()
                .forEach(
                        metric ->
                                line.append(
                                        String.format(
                                                Locale.ROOT,
                                                ", %s %.3f",
                                                metric.getKey(),
                                                metric.getValue().getAsDouble())));
        if (!last.get("examples_per_second").isJsonNull()) {
            double speed = last.get("examples_per_second").getAsDouble();
            line.append(String.format(Locale.ROOT, ", examples per second %.1f", speed));
        }
        if (!drawn.contentEquals(line)) {
            drawn = line.toString();
            drawnAt = System.nanoTime();
            out.print(line);
            out.flush();
        }
    }
}
