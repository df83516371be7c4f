package org.djlresnet.training;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.djlresnet.AtomicFile;

/** The result of the best network on the test data, in {@code test.json} of a run folder. */
final class TestResult {

    private static final Gson PRETTY = new GsonBuilder().setPrettyPrinting().create();

    private TestResult() {}

    private static Path file(RunFolder folder) {
        return folder.path().resolve("test.json");
    }

    /** Writes the result. */
    static void write(RunFolder folder, JsonObject result) throws IOException {
        AtomicFile.write(file(folder), PRETTY.toJson(result) + "\n");
    }

    /**
     * Reads the result of an epoch's network.
     *
     * @return the result; null if there is none, it belongs to another epoch or cannot be read
     */
    static JsonObject read(RunFolder folder, int epoch) {
        try {
            JsonObject result =
                    JsonParser.parseString(Files.readString(file(folder))).getAsJsonObject();
            return result.get("epoch").getAsInt() == epoch ? result : null;
        } catch (IOException | RuntimeException unreadable) {
            return null;
        }
    }
}
