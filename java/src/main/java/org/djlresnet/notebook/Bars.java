package org.djlresnet.notebook;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.djlresnet.training.EpochRow;
import org.djlresnet.training.Trainer;

/** Trains in a notebook cell and draws a progress bar for each pass over the data. */
public final class Bars {

    private static final int WIDTH = 30;

    private static final long POLL_MILLIS = 50;

    /** The number of polls that {@link #awaitEnding} waits for a run to notice its interruption. */
    private static final int QUIET_POLLS = 10;

    private static final AtomicInteger ENDING = new AtomicInteger();

    private final PrintStream out;
    private String phase = "";
    private String drawn = "";
    private int rows;

    Bars(PrintStream out) {
        this.out = out;
    }

    /**
     * Trains on a separate thread and draws on standard output. If the calling thread is
     * interrupted, the run finishes its batch and saves {@code last}.
     *
     * @param trainer the training loop, not started yet
     * @return one row per epoch
     * @throws InterruptedException if the calling thread was interrupted; the run has ended by then
     */
    public static List<EpochRow> train(Trainer trainer) throws InterruptedException {
        return train(trainer, System.out);
    }

    static List<EpochRow> train(Trainer trainer, PrintStream out) throws InterruptedException {
        Throwable[] failure = new Throwable[1];
        // outside the cell's thread group, because an interruption hits all threads in it
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
                thread.join(POLL_MILLIS);
                bars.show(trainer.progress().toJson(bars.rows));
            }
        } finally {
            trainer.stop();
            ENDING.incrementAndGet();
            try {
                bars.end();
                if (thread.isAlive()) {
                    out.println("Interrupted. Finishing the batch and saving the state.");
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
     * Returns whether an interrupted training run is finishing its batch and saving its state.
     *
     * @return whether a cell is waiting for that
     */
    public static boolean isEnding() {
        return ENDING.get() > 0;
    }

    /** Waits until a training run whose cell was just interrupted has saved its state. */
    static void awaitEnding() {
        for (int quiet = 0; quiet < QUIET_POLLS; quiet = isEnding() ? 0 : quiet + 1) {
            LockSupport.parkNanos(POLL_MILLIS * 1_000_000);
        }
    }

    /** Waits for a thread to end, even if interrupted meanwhile. */
    private static void join(Thread thread) {
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException again) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Draws the progress of a run.
     *
     * @param progress {@link org.djlresnet.training.Progress#toJson}, with the rows not shown yet
     */
    void show(String progress) {
        JsonObject now = JsonParser.parseString(progress).getAsJsonObject();
        int epochs = now.get("epochs").getAsInt();
        if (now.get("ended") instanceof JsonObject ended && title(ended, epochs).equals(phase)) {
            draw(ended);
        }
        String title = title(now, epochs);
        for (JsonElement element : now.getAsJsonArray("rows")) {
            rows++;
            if (title.equals(phase)) {
                draw(now);
            }
            end();
            EpochRow row = EpochRow.fromJson(element.toString());
            out.println("epoch " + row.epoch() + "/" + epochs + ": " + row.inWords());
        }
        String state = now.get("state").getAsString();
        boolean inEpoch = state.equals("training") || state.equals("validating");
        if (state.equals("testing") || (inEpoch && now.get("epoch").getAsInt() > rows)) {
            if (!title.equals(phase)) {
                end();
                phase = title;
            }
            draw(now);
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

    private void end() {
        if (!phase.isEmpty()) {
            out.println();
        }
        phase = "";
    }

    private void draw(JsonObject progress) {
        long total = progress.get("total").getAsLong();
        long done = progress.get("done").getAsLong();
        int full = (int) (done * WIDTH / total);
        StringBuilder line = new StringBuilder("\r").append(phase);
        line.append(String.format(Locale.ROOT, " %3d%% |", 100 * done / total));
        line.append("█".repeat(full)).append(" ".repeat(WIDTH - full)).append("| ");
        line.append(done).append('/').append(total);
        JsonObject metrics = progress.getAsJsonObject("metrics");
        for (String name : metrics.keySet()) {
            double value = metrics.get(name).getAsDouble();
            line.append(String.format(Locale.ROOT, ", %s %.3f", name, value));
        }
        if (!progress.get("examples_per_second").isJsonNull()) {
            double speed = progress.get("examples_per_second").getAsDouble();
            line.append(String.format(Locale.ROOT, ", examples per second %.1f", speed));
        }
        if (!drawn.contentEquals(line)) {
            drawn = line.toString();
            out.print(line);
            out.flush();
        }
    }
}
