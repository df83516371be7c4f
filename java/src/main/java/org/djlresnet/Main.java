package org.djlresnet;

import ai.djl.engine.EngineException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.djlresnet.figure.MetricsFigure;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.recipe.RecipeBuilder;
import org.djlresnet.training.Trainer;
import org.djlresnet.training.TrainingRun;

/**
 * Trains from the command line without Python.
 *
 * <pre>
 * mvn -B -q compile exec:java -Dexec.args="epochs=1 limit=2048"
 * java -cp target/py-djl-resnet-0.1.0.jar:… org.djlresnet.Main epochs=1 limit=2048
 * </pre>
 */
public final class Main {

    private static final String USAGE =
            "usage: java org.djlresnet.Main [KEY=VALUE ...]\n\n"
                    + "Trains a residual network and writes a run folder. Keys are the settings of a"
                    + " recipe, such as epochs=10, batch_size=256, lr=0.05, limit=2048,"
                    + " engine=mxnet or data_dir=data, and out=FOLDER for the run folder.";

    private Main() {}

    /**
     * Trains a network.
     *
     * @param args settings as key=value, or {@code --help}
     */
    public static void main(String[] args) {
        System.exit(run(args));
    }

    private static int run(String[] args) {
        if (List.of(args).contains("--help") || List.of(args).contains("-h")) {
            System.out.println(USAGE);
            return 0;
        }
        try {
            train(args);
            return 0;
        } catch (UserException wrong) {
            System.err.println("error: " + wrong.getMessage());
            return 2;
        } catch (TrainingException | EngineException | IOException | UncheckedIOException failed) {
            System.err.println("error: " + failed.getMessage());
            return 1;
        } catch (OutOfMemoryError full) {
            System.err.println(
                    "error: Java's heap is full: "
                            + full.getMessage()
                            + ". Increase it with -Xmx, such as -Xmx4g, or use smaller batches.");
            return 1;
        }
    }

    private static void train(String[] args) throws IOException {
        RecipeBuilder settings = Recipe.builder();
        Path out = null;
        for (String arg : args) {
            int equals = arg.indexOf('=');
            if (equals < 1) {
                throw new UserException(
                        "Settings must have the form key=value. Received: '" + arg + "'.");
            }
            String key = arg.substring(0, equals);
            String value = arg.substring(equals + 1);
            if (key.equals("out")) {
                out = Path.of(value);
            } else {
                settings.optText(key, value);
            }
        }
        Recipe recipe = settings.build();
        Logger.getLogger("").setLevel(Level.WARNING);
        System.getProperties().putIfAbsent("ai.djl.offline", "true");
        if (recipe.threads() != null) {
            System.setProperty("ai.djl.pytorch.num_threads", recipe.threads().toString());
        }
        TrainingRun run = TrainingRun.prepare(recipe, Path.of("data"), out);
        run.trainer()
                .onEpoch(
                        row ->
                                System.out.printf(
                                        Locale.ROOT,
                                        "epoch %d/%d: %s, %.1f examples/sec%n",
                                        row.epoch(),
                                        recipe.epochs(),
                                        row.inWords(),
                                        row.examplesPerSecond()));
        // On Ctrl-C or SIGTERM, finish the batch and save
        CountDownLatch saved = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(run.trainer(), saved)));
        try {
            run.trainer().run();
            if (!run.trainer().progress().rows().isEmpty()) {
                draw(run);
            }
            System.out.println("run folder: " + run.folder().path());
        } finally {
            saved.countDown();
        }
    }

    private static void draw(TrainingRun run) throws IOException {
        try {
            MetricsFigure.write(
                    run.folder().path().resolve("figures").resolve("metrics.html"),
                    List.of(run.folder().metrics()),
                    List.of(run.recipe().model()));
        } catch (NoClassDefFoundError noTablesaw) {
            System.err.println("No figure: it needs tech.tablesaw:tablesaw-jsplot.");
        }
    }

    private static void stop(Trainer trainer, CountDownLatch saved) {
        trainer.stop();
        try {
            saved.await();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
