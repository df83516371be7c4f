package org.djlresnet.training;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.djlresnet.AtomicFile;
import org.djlresnet.InputFile;
import org.djlresnet.UserException;
import org.djlresnet.recipe.Recipe;

/**
 * The folder of a run.
 *
 * <pre>
 * recipe.json         all settings, the rule that selects the best epoch, and all versions
 * metrics.csv         a line per epoch ({@link EpochRow})
 * last.safetensors    the latest state: at the end of an epoch, at a checkpoint in it, or at a stop
 * last.previous.safetensors
 *                     the previous state, in case last is damaged
 * best.safetensors    the state after the best epoch
 * epoch-0007.safetensors
 *                     a kept epoch, if the recipe sets {@code keep}
 * test.json           the best network's test result, if validation data selected it
 * predictions.csv     the final network's prediction for each test example
 * images.csv          the images of the run, if its data set is a folder; Python writes it
 * profile.csv         the time of a step by part ({@link Profile}), if the recipe sets {@code
 *                     profile}
 * gradients.csv       norms by step and parameter ({@link GradientLog}), if the recipe sets {@code
 *                     debug_gradients}
 * figures/            metrics.html and other figures
 * report.html         a page that shows all figures; Python writes it
 * log.txt             events with their times
 * run.lock            the process that writes to the folder
 * </pre>
 */
public final class RunFolder implements AutoCloseable {

    /** Python sets this property, because its working folder may change. */
    private static final String RUNS_PROPERTY = "py_djl_resnet.runs";

    private static final DateTimeFormatter DATE =
            DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss", Locale.ROOT);
    private static final Gson PRETTY =
            new GsonBuilder().setPrettyPrinting().serializeNulls().disableHtmlEscaping().create();

    private final Path path;
    private final RunLock lock;
    private final CheckpointFiles checkpoints;

    private RunFolder(Path path) throws IOException {
        this.path = path;
        checkpoints = new CheckpointFiles(path);
        lock = RunLock.take(path);
    }

    /**
     * Creates the folder of a new run.
     *
     * @param path its path, or null for {@code runs/<date>-<model>-<dataset>}; may be an empty
     *     folder
     * @param contents the initial contents of recipe.json and metrics.csv
     * @return the folder, with recipe.json and an empty metrics.csv
     * @throws UserException if the path exists and is not empty, or cannot be created
     */
    public static RunFolder create(Path path, RunContents contents) {
        try {
            Path made = path == null ? makeNamed(runs(), contents.recipe()) : makeAt(path);
            RunFolder folder = new RunFolder(made);
            folder.fill(contents);
            return folder;
        } catch (IOException failure) {
            throw uncreatable(path == null ? runs() : path, failure);
        }
    }

    /**
     * Opens the folder of a run to resume.
     *
     * @param path the folder
     * @return the folder, locked
     * @throws RunInUseException if another process writes to it
     * @throws UserException if it cannot be written
     */
    public static RunFolder open(Path path) {
        try {
            RunFolder folder = new RunFolder(path);
            try {
                InputFile.requireNoPipe(folder.logFile());
                folder.checkpoints.recover();
                return folder;
            } catch (IOException | RuntimeException failure) {
                folder.close();
                throw failure;
            }
        } catch (IOException failure) {
            throw unwritable(path, failure);
        }
    }

    private void fill(RunContents contents) throws IOException {
        try {
            if (Files.exists(recipeFile(path))) {
                // another run claimed the folder after it was found to be empty
                throw taken(path);
            }
            begin(contents, List.of());
        } catch (IOException | RuntimeException failure) {
            close();
            throw failure;
        }
    }

    private Path figures() {
        return path.resolve("figures");
    }

    static Path recipeFile(Path folder) {
        return folder.resolve("recipe.json");
    }

    private Path logFile() {
        return path.resolve("log.txt");
    }

    /** Returns the files, other than last, that show that a run has completed an epoch. */
    List<String> traces() throws IOException {
        List<String> traces = new ArrayList<>(checkpoints.bestAndKept());
        if (Files.isRegularFile(metrics()) && Files.readAllLines(metrics()).size() > 1) {
            traces.add("metrics.csv");
        }
        return traces;
    }

    /** Reads recipe.json. */
    Recipe recipe() throws IOException {
        return Recipe.fromJson(Files.readString(recipeFile(path)));
    }

    /** Removes the temporary files of a killed writer. */
    private void removeTemporaryFiles() throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(path, ".*.tmp")) {
            for (Path file : files) {
                Files.delete(file);
            }
        }
    }

    /**
     * Writes recipe.json and metrics.csv, and removes the temporary files of a killed writer. A
     * resumed run must have read its checkpoint before.
     *
     * @param contents the recipe, selection and versions
     * @param history the rows of completed epochs
     * @throws IOException if a file cannot be written
     */
    void begin(RunContents contents, List<EpochRow> history) throws IOException {
        removeTemporaryFiles();
        JsonObject written = JsonParser.parseString(contents.recipe().toJson()).getAsJsonObject();
        written.add("selection", JsonParser.parseString(contents.selection().toJson()));
        written.add("versions", PRETTY.toJsonTree(contents.versions()));
        AtomicFile.write(recipeFile(path), PRETTY.toJson(written) + "\n");
        StringBuilder table = new StringBuilder(EpochRow.csvHeader(contents.metrics()) + "\n");
        history.forEach(row -> table.append(row.toCsv()).append("\n"));
        AtomicFile.write(metrics(), table.toString());
        Files.createDirectories(figures());
    }

    /** Writes a file with the run's results, replacing that of an earlier part of the run. */
    void write(String name, String text) {
        try {
            AtomicFile.write(path.resolve(name), text);
        } catch (IOException failure) {
            throw new UncheckedIOException(
                    "Cannot write " + name + ": " + AtomicFile.reason(failure) + ".", failure);
        }
    }

    private static Path runs() {
        return Path.of(System.getProperty(RUNS_PROPERTY, "runs")).toAbsolutePath();
    }

    static Path makeNamed(Path runs, Recipe recipe) throws IOException {
        Files.createDirectories(runs);
        String name =
                LocalDateTime.now().format(DATE) + "-" + recipe.model() + "-" + dataset(recipe);
        for (int copy = 1; ; copy++) {
            try {
                Path made =
                        Files.createDirectory(runs.resolve(copy == 1 ? name : name + "-" + copy));
                AtomicFile.flushFolder(runs);
                return made;
            } catch (FileAlreadyExistsException taken) {
                // another run began within the same second
            }
        }
    }

    private static String dataset(Recipe recipe) {
        if (!recipe.isFolder()) {
            return recipe.dataset();
        }
        Path last = Path.of(recipe.dataset().substring(Recipe.FOLDER.length())).getFileName();
        return last == null ? "folder" : last.toString();
    }

    /**
     * Rejects a path at which no run can begin, before its data are prepared.
     *
     * @param path the path
     * @throws UserException if it exists and is not an empty folder
     */
    public static void requireFree(Path path) {
        try {
            if (Files.exists(path) && !(Files.isDirectory(path) && isEmpty(path))) {
                throw taken(path);
            }
        } catch (IOException unreadable) {
            throw uncreatable(path, unreadable);
        }
    }

    static UserException unwritable(Path path, IOException failure) {
        return new UserException(
                "Cannot write to the run folder " + path + ": " + AtomicFile.reason(failure) + ".",
                failure);
    }

    private static UserException uncreatable(Path path, IOException failure) {
        return new UserException(
                "Cannot write a run folder at "
                        + path
                        + ": "
                        + AtomicFile.reason(failure)
                        + ". Choose another folder.",
                failure);
    }

    private static Path makeAt(Path path) throws IOException {
        requireFree(path);
        Path made = Files.createDirectories(path);
        AtomicFile.flushFolder(made.toAbsolutePath().getParent());
        return made;
    }

    private static UserException taken(Path path) {
        return new UserException(
                path
                        + " already exists and is not overwritten. Choose another run folder, or move this"
                        + " one away.");
    }

    private static boolean isEmpty(Path folder) throws IOException {
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
            for (Path entry : entries) {
                String name = entry.getFileName().toString();
                // left by a run that was killed before it wrote its recipe
                if (!name.equals(RunLock.NAME)
                        && !(name.startsWith(".") && name.endsWith(".tmp"))) {
                    return false;
                }
            }
            return true;
        }
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
        return checkpoints.last();
    }

    /**
     * Returns the path of the best checkpoint.
     *
     * @return the path of best.safetensors
     */
    public Path best() {
        return checkpoints.best();
    }

    /**
     * Checks, before each checkpoint, that no other run has taken over the folder.
     *
     * @throws IOException if one has
     */
    void requireLock() throws IOException {
        lock.confirm();
    }

    CheckpointFiles checkpoints() {
        return checkpoints;
    }

    @Override
    public void close() {
        lock.close();
    }

    void append(EpochRow row) {
        append(metrics(), row.toCsv(), StandardOpenOption.APPEND, LinkOption.NOFOLLOW_LINKS);
    }

    /** Adds a line to the log. */
    void log(String message) {
        append(
                logFile(),
                Instant.now().truncatedTo(ChronoUnit.SECONDS) + " " + message,
                StandardOpenOption.CREATE,
                StandardOpenOption.APPEND,
                LinkOption.NOFOLLOW_LINKS);
    }

    private static void append(Path file, String line, OpenOption... options) {
        try {
            Files.writeString(file, line + "\n", options);
        } catch (IOException failure) {
            throw new UncheckedIOException(
                    "Cannot write to "
                            + file
                            + ": "
                            + AtomicFile.reason(failure)
                            + ". Check that the run folder still exists and that the disk is not"
                            + " full.",
                    failure);
        }
    }
}
