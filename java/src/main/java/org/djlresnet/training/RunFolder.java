package org.djlresnet.training;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import org.djlresnet.UserException;
import org.djlresnet.recipe.Recipe;

/**
 * The folder that a run leaves behind.
 *
 * <pre>
 * recipe.json         every setting, and the versions of everything
 * metrics.csv         a line an epoch ({@link EpochRow})
 * last.safetensors    the state at the end of the last epoch, or where the run stopped
 * best.safetensors    the state with the best test accuracy
 * figures/            metrics.html, and what others draw
 * log.txt             what happened when
 * </pre>
 */
public final class RunFolder {

    private static final Path RUNS = Path.of("runs");
    private static final DateTimeFormatter DATE = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss");
    private static final Gson PRETTY =
            new GsonBuilder().setPrettyPrinting().serializeNulls().disableHtmlEscaping().create();

    private final Path path;

    private RunFolder(Path path) {
        this.path = path;
    }

    /**
     * Makes a new folder for a run.
     *
     * @param path where, or null for {@code runs/<date>-<model>-<dataset>}; an empty folder may be
     *     there already
     * @param recipe the run's recipe
     * @param versions the versions of everything
     * @return the folder, with its recipe.json and an empty metrics.csv
     * @throws UserException if something is there already, or the folder cannot be made
     */
    public static RunFolder create(Path path, Recipe recipe, JsonObject versions) {
        try {
            RunFolder folder = new RunFolder(path == null ? makeNamed(RUNS, recipe) : makeAt(path));
            JsonObject written = recipe.toTree();
            written.add("versions", versions);
            Files.writeString(folder.path.resolve("recipe.json"), PRETTY.toJson(written) + "\n");
            Files.writeString(folder.metrics(), EpochRow.CSV_HEADER + "\n");
            Files.createDirectories(folder.path.resolve("figures"));
            return folder;
        } catch (IOException failure) {
            throw new UserException(
                    "Cannot write a run folder at "
                            + (path == null ? RUNS.toAbsolutePath() : path)
                            + ": "
                            + reason(failure)
                            + ". Choose another place with --out",
                    failure);
        }
    }

    static Path makeNamed(Path runs, Recipe recipe) throws IOException {
        Files.createDirectories(runs);
        String name =
                LocalDateTime.now().format(DATE) + "-" + recipe.model() + "-" + recipe.dataset();
        for (int copy = 1; ; copy++) {
            try {
                return Files.createDirectory(runs.resolve(copy == 1 ? name : name + "-" + copy));
            } catch (FileAlreadyExistsException taken) {
                // another run began within the same second
            }
        }
    }

    private static Path makeAt(Path path) throws IOException {
        if (Files.exists(path) && !(Files.isDirectory(path) && isEmpty(path))) {
            throw new UserException(
                    path
                            + " exists already and is not overwritten. Choose another run folder, or"
                            + " move this one away");
        }
        return Files.createDirectories(path);
    }

    private static boolean isEmpty(Path folder) throws IOException {
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
            return !entries.iterator().hasNext();
        }
    }

    private static String reason(IOException failure) {
        return failure.getClass().getSimpleName() + " " + failure.getMessage();
    }

    /**
     * Returns the folder's path.
     *
     * @return the path
     */
    public Path path() {
        return path;
    }

    /**
     * Returns the path of the metrics table.
     *
     * @return the path of metrics.csv
     */
    public Path metrics() {
        return path.resolve("metrics.csv");
    }

    /**
     * Returns the path of the latest checkpoint.
     *
     * @return the path of last.safetensors
     */
    public Path last() {
        return path.resolve("last.safetensors");
    }

    /**
     * Returns the path of the best checkpoint.
     *
     * @return the path of best.safetensors
     */
    public Path best() {
        return path.resolve("best.safetensors");
    }

    void append(EpochRow row) {
        append(metrics(), row.toCsv());
    }

    void log(String message) {
        append(
                path.resolve("log.txt"),
                Instant.now().truncatedTo(ChronoUnit.SECONDS) + " " + message);
    }

    private static void append(Path file, String line) {
        try {
            Files.writeString(
                    file, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException failure) {
            throw new UncheckedIOException("Cannot write to " + file, failure);
        }
    }
}
