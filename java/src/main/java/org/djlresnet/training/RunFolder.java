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
import org.djlresnet.AtomicFile;
import org.djlresnet.UserException;
import org.djlresnet.recipe.Recipe;

/**
 * The folder that a run leaves behind.
 *
 * <pre>
 * recipe.json         every setting, what selects the best epoch, and the versions of everything
 * metrics.csv         a line an epoch ({@link EpochRow})
 * last.safetensors    the latest state: at an epoch's end, at a checkpoint within one, or at a stop
 * last.previous.safetensors
 *                     the one before, should last be damaged
 * best.safetensors    the state of the best epoch
 * epoch-0007.safetensors
 *                     kept epochs, where the recipe keeps some
 * test.json           the best epoch's network on the test data, where validation data selected it
 * profile.csv         where the time of a step goes ({@link Profile}), if the recipe asks
 * figures/            metrics.html, and what others draw
 * log.txt             what happened when
 * run.lock            who writes to the folder
 * </pre>
 */
public final class RunFolder implements AutoCloseable {

    /** Python, whose working folder may change, says by this property where its runs are. */
    private static final String RUNS_PROPERTY = "py_djl_resnet.runs";

    private static final DateTimeFormatter DATE = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss");
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
     * Makes a new folder for a run.
     *
     * @param path where, or null for {@code runs/<date>-<model>-<dataset>}; an empty folder may be
     *     there already
     * @param contents what recipe.json and metrics.csv begin with
     * @return the folder, with its recipe.json and an empty metrics.csv
     * @throws UserException if something is there already, or the folder cannot be made
     */
    public static RunFolder create(Path path, RunContents contents) {
        try {
            Path made = path == null ? makeNamed(runs(), contents.recipe()) : makeAt(path);
            RunFolder folder = new RunFolder(made);
            folder.fill(contents);
            return folder;
        } catch (IOException failure) {
            throw new UserException(
                    "Cannot write a run folder at "
                            + (path == null ? runs() : path)
                            + ": "
                            + reason(failure)
                            + ". Choose another folder",
                    failure);
        }
    }

    /**
     * Opens the folder of a run that goes on.
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
                requireNoLink(folder.logFile());
                folder.requireFiles();
                folder.checkpoints.recover();
            } catch (IOException | RuntimeException failure) {
                folder.close();
                throw failure;
            }
            return folder;
        } catch (IOException failure) {
            throw new UserException(
                    "Cannot write to the run folder " + path + ": " + reason(failure), failure);
        }
    }

    private void fill(RunContents contents) throws IOException {
        try {
            if (Files.exists(recipeFile(path))) {
                // another run took the folder, and ended, since it was found to be empty
                throw taken(path);
            }
            begin(contents, List.of());
        } catch (IOException | RuntimeException failure) {
            close();
            throw failure;
        }
    }

    /**
     * Refuses a link where this library writes into a file that is there already; others are
     * replaced by new ones. It may lead anywhere.
     */
    static void requireNoLink(Path file) {
        if (Files.isSymbolicLink(file)) {
            throw new UserException(
                    file
                            + " is a symbolic link, which is not followed, so that nothing outside the"
                            + " run folder is written to. Remove it");
        }
    }

    /**
     * Refuses a folder or a pipe of a name that the run gives to a file: it could not be replaced,
     * or never ends.
     */
    private void requireFiles() throws IOException {
        try (DirectoryStream<Path> files =
                Files.newDirectoryStream(
                        path,
                        "{recipe.json,test.json,metrics.csv,profile.csv,log.txt,*.safetensors}")) {
            for (Path file : files) {
                requireFile(file);
            }
        }
        if (Files.exists(figures()) && !Files.isDirectory(figures())) {
            throw new UserException(
                    figures() + " is a file, where a run has a folder of that name. Move it away");
        }
    }

    private Path figures() {
        return path.resolve("figures");
    }

    /** Of links this says nothing: they are refused elsewhere, or replaced. */
    static void requireFile(Path file) {
        if (Files.exists(file) && !Files.isRegularFile(file) && !Files.isSymbolicLink(file)) {
            throw new UserException(
                    file
                            + (Files.isDirectory(file) ? " is a folder" : " is a pipe or a device")
                            + ", where a run has a file of that name. Move it away");
        }
    }

    static Path recipeFile(Path folder) {
        return folder.resolve("recipe.json");
    }

    private Path logFile() {
        return path.resolve("log.txt");
    }

    /** Names what tells that a run had come to an epoch's end here: checkpoints but last, rows. */
    List<String> traces() throws IOException {
        List<String> traces = new ArrayList<>(checkpoints.bestAndKept());
        if (Files.exists(metrics()) && Files.readAllLines(metrics()).size() > 1) {
            traces.add("metrics.csv with its rows");
        }
        return traces;
    }

    /** Reads the recipe that the folder was made for. */
    Recipe recipe() throws IOException {
        return Recipe.fromJson(Files.readString(recipeFile(path)));
    }

    /** Removes what a writer that was killed left half written. */
    private void sweep() throws IOException {
        try (DirectoryStream<Path> halves = Files.newDirectoryStream(path, ".*.tmp")) {
            for (Path half : halves) {
                Files.delete(half);
            }
        }
    }

    /**
     * Writes recipe.json, and metrics.csv as far as a history goes, and removes what a writer that
     * was killed left half written. A run that is resumed has read its checkpoint before.
     *
     * @param contents the recipe, and what stands beside it
     * @param history the rows of the epochs that are done
     * @throws IOException if a file cannot be written
     */
    void begin(RunContents contents, List<EpochRow> history) throws IOException {
        sweep();
        JsonObject written = JsonParser.parseString(contents.recipe().toJson()).getAsJsonObject();
        written.add("selection", JsonParser.parseString(contents.selection().toJson()));
        written.add("versions", PRETTY.toJsonTree(contents.versions()));
        AtomicFile.write(recipeFile(path), PRETTY.toJson(written) + "\n");
        StringBuilder table = new StringBuilder(EpochRow.csvHeader(contents.metrics()) + "\n");
        history.forEach(row -> table.append(row.toCsv()).append("\n"));
        AtomicFile.write(metrics(), table.toString());
        Files.createDirectories(figures());
    }

    /** Writes profile.csv, in the place of that of an earlier part of the run. */
    void profile(String table) throws IOException {
        AtomicFile.write(path.resolve("profile.csv"), table);
    }

    private static Path runs() {
        return Path.of(System.getProperty(RUNS_PROPERTY, "runs")).toAbsolutePath();
    }

    static Path makeNamed(Path runs, Recipe recipe) throws IOException {
        Files.createDirectories(runs);
        String name =
                LocalDateTime.now().format(DATE) + "-" + recipe.model() + "-" + recipe.dataset();
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

    private static Path makeAt(Path path) throws IOException {
        if (Files.exists(path) && !(Files.isDirectory(path) && isEmpty(path))) {
            throw taken(path);
        }
        Path made = Files.createDirectories(path);
        AtomicFile.flushFolder(made.toAbsolutePath().getParent());
        return made;
    }

    private static UserException taken(Path path) {
        return new UserException(
                path
                        + " exists already and is not overwritten. Choose another run folder, or"
                        + " move this one away");
    }

    private static boolean isEmpty(Path folder) throws IOException {
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
            for (Path entry : entries) {
                String name = entry.getFileName().toString();
                // what a run leaves that was killed before it had a recipe
                if (!name.equals(RunLock.NAME)
                        && !(name.startsWith(".") && name.endsWith(".tmp"))) {
                    return false;
                }
            }
            return true;
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
     * Returns the path of the checkpoint before the latest.
     *
     * @return the path of last.previous.safetensors
     */
    public Path previous() {
        return checkpoints.previous();
    }

    /**
     * Returns the folder's checkpoints.
     *
     * @return the checkpoints
     */
    CheckpointFiles checkpoints() {
        return checkpoints;
    }

    /**
     * Makes sure that no other run writes here; asked before each checkpoint.
     *
     * @throws IOException if one does
     */
    void requireLock() throws IOException {
        lock.confirm();
    }

    @Override
    public void close() {
        lock.close();
    }

    void append(EpochRow row) {
        append(metrics(), row.toCsv(), StandardOpenOption.APPEND, LinkOption.NOFOLLOW_LINKS);
    }

    /** Adds a line to the log, unless it is another run's by now. */
    void log(String message) {
        if (lock.isLost()) {
            return;
        }
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
                            + reason(failure)
                            + ". Was the run folder moved or removed, or is the disk full?",
                    failure);
        }
    }
}
