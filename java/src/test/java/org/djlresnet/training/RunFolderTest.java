package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.djlresnet.UserException;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunFolderTest {

    private static final Recipe RECIPE = Recipe.fromJson("{\"epochs\": 3}");

    @TempDir Path dir;

    private static RunFolder create(Path path) {
        return RunFolder.create(
                path, new RunContents(RECIPE, Rows.ACCURACY, Rows.COLUMNS, Map.of("java", "17")));
    }

    private static String rejection(Path path) {
        return assertThrows(UserException.class, () -> create(path)).getMessage();
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void createsRecipeAndEmptyTable() throws IOException {
        Path path = dir.resolve("some").resolve("run");
        RunFolder folder = create(path);
        assertEquals(path, folder.path());
        assertEquals(List.of("figures", "metrics.csv", "recipe.json", "run.lock"), names(path));
        assertEquals(
                "epoch,step,seconds,validation_seconds,examples_per_second,lr,"
                        + "train_loss,train_accuracy,test_loss,test_accuracy\n",
                Files.readString(path.resolve("metrics.csv")));
        String written = Files.readString(path.resolve("recipe.json"));
        JsonObject recipe = JsonParser.parseString(written).getAsJsonObject();
        assertEquals("17", recipe.getAsJsonObject("versions").get("java").getAsString(), written);
        // recipe.json is a valid recipe
        assertEquals(RECIPE, Recipe.fromJson(written));
    }

    @Test
    void appendsRowsAndLog() throws IOException {
        RunFolder folder = create(dir.resolve("run"));
        folder.append(
                new EpochRow(1, 20, 1.23456, 0.5, 4147.26, 0.05, Rows.metrics(0.75, 0.5, 1e-9, 1)));
        folder.append(new EpochRow(2, 40, 1, 2, 3, 0.025, Rows.metrics(0.5, 0.625, 0.375, 0.875)));
        folder.log("first");
        folder.log("second");
        List<String> lines = Files.readAllLines(folder.metrics());
        assertEquals(3, lines.size());
        assertEquals("1,20,1.235,0.500,4147.3,0.05,0.75,0.5,1.0E-9,1.0", lines.get(1));
        assertEquals("2,40,1.000,2.000,3.0,0.025,0.5,0.625,0.375,0.875", lines.get(2));
        List<String> log = Files.readAllLines(folder.path().resolve("log.txt"));
        assertEquals(2, log.size());
        assertTrue(log.get(0).matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ first"));
    }

    @Test
    void removesTemporaryFilesOfAKilledWriter() throws IOException {
        Path path = Files.createDirectories(dir.resolve("run"));
        Files.writeString(path.resolve(".recipe.json.1-1.tmp"), "{");
        create(path);
        assertEquals(List.of("figures", "metrics.csv", "recipe.json", "run.lock"), names(path));
    }

    @Test
    void acceptsAnEmptyFolder() throws IOException {
        Path path = Files.createDirectory(dir.resolve("empty"));
        assertEquals(path, create(path).path());
    }

    @Test
    void rejectsAFolderWithFiles() throws IOException {
        Path path = Files.createDirectory(dir.resolve("full"));
        Files.writeString(path.resolve("metrics.csv"), "precious");
        assertEquals(
                path
                        + " already exists and is not overwritten. Choose another run folder, or move this"
                        + " one away.",
                rejection(path));
        assertEquals(List.of("metrics.csv"), names(path));
        assertEquals("precious", Files.readString(path.resolve("metrics.csv")));
    }

    @Test
    void rejectsAFile() throws IOException {
        Path path = Files.writeString(dir.resolve("file"), "precious");
        assertTrue(rejection(path).startsWith(path + " already exists and is not overwritten"));
        assertEquals("precious", Files.readString(path));
    }

    @Test
    void rejectsAPathInAFile() throws IOException {
        Path file = Files.writeString(dir.resolve("file"), "precious");
        Path path = file.resolve("run");
        String message = rejection(path);
        assertTrue(message.startsWith("Cannot write a run folder at " + path + ": "), message);
        assertTrue(message.endsWith(": Not a directory. Choose another folder."), message);
    }

    @Test
    void rejectsAReadOnlyFolder() throws IOException {
        Path closed = Files.createDirectory(dir.resolve("closed"));
        assumeTrue(
                closed.toFile().setWritable(false) && !Files.isWritable(closed),
                "root may write anywhere");
        assertTrue(rejection(closed.resolve("run")).contains(": permission denied."));
        assertFalse(Files.exists(closed.resolve("run")));
    }

    @Test
    void runsOfTheSameSecondGetSeparateFolders() throws IOException {
        Set<Path> folders = new HashSet<>();
        for (int i = 0; i < 20; i++) {
            Path folder = RunFolder.makeNamed(dir.resolve("runs"), RECIPE);
            assertTrue(folders.add(folder));
            assertTrue(
                    folder.getFileName()
                            .toString()
                            .matches("\\d{8}-\\d{6}-d2l-resnet18-fashion-mnist(-\\d+)?"),
                    folder.toString());
        }
        assertEquals(20, names(dir.resolve("runs")).size());
    }
}
