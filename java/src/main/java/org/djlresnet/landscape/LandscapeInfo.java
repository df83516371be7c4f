package org.djlresnet.landscape;

import ai.djl.ndarray.NDManager;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.zip.CRC32C;
import org.djlresnet.AtomicFile;
import org.djlresnet.InputFile;
import org.djlresnet.UserException;
import org.djlresnet.model.Network;
import org.djlresnet.model.TensorBytes;

/** The file {@code landscape.json}, which says what the points of a folder are. */
public final class LandscapeInfo {

    static final String NAME = "landscape.json";

    private static final Gson GSON =
            new GsonBuilder().serializeNulls().setPrettyPrinting().disableHtmlEscaping().create();

    /** Keys that do not change points. */
    static final Set<String> FREE = Set.of("versions", "tensors");

    /** Keys that follow from options, and are listed after them. */
    private static final Set<String> DERIVED =
            Set.of("checkpoints", "data_checksum", "explained", "preprocessing");

    private static final String KIND = "kind";

    private static final Set<String> CHECKPOINTS = Set.of("checkpoint", "other");

    private LandscapeInfo() {}

    /**
     * Returns a checksum of a network's tensors.
     *
     * @param network the network
     * @return eight hexadecimal digits, which depend on every name and value
     */
    public static String checksum(Network network) {
        CRC32C checksum = new CRC32C();
        try (NDManager scope = network.manager().newSubManager()) {
            network.stateDict()
                    .forEach(
                            (name, array) -> {
                                checksum.update(name.getBytes(StandardCharsets.UTF_8));
                                checksum.update(TensorBytes.of(array, scope));
                            });
        }
        return HexFormat.of().toHexDigits((int) checksum.getValue());
    }

    /**
     * Writes the file, or checks that the existing one describes the same points.
     *
     * @throws UserException if it describes others; the message names the keys that differ
     * @throws IOException if it cannot be written
     */
    static void settle(Path folder, String json) throws IOException {
        JsonObject info = JsonParser.parseString(json).getAsJsonObject();
        settle(folder.resolve(NAME), info, FREE, PointsFile.NAME, TrajectorySurface.NAME);
    }

    /**
     * Writes a file, or checks that the existing one describes the same.
     *
     * @param file the file
     * @param info what it describes
     * @param free keys that may differ
     * @param results the names of what is measured in its folder
     * @return what it contains
     * @throws UserException if it describes others; the message names the keys that differ
     * @throws IOException if it cannot be written
     */
    static JsonObject settle(Path file, JsonObject info, Set<String> free, String... results)
            throws IOException {
        if (!Files.exists(file)) {
            for (String result : results) {
                if (Files.exists(file.resolveSibling(result))) {
                    throw new UserException(
                            file.getParent()
                                    + " has "
                                    + result
                                    + " but no "
                                    + file.getFileName()
                                    + ", which says what was measured. Restore it, or choose another"
                                    + " folder or remove this one to measure again.");
                }
            }
            AtomicFile.write(file, text(info));
            return info;
        }
        InputFile.requireNoPipe(file);
        List<String> differences = new ArrayList<>();
        JsonObject there = read(file);
        Set<String> keys = new TreeSet<>(there.keySet());
        keys.addAll(info.keySet());
        List<String> ordered = new ArrayList<>(keys);
        ordered.sort(Comparator.comparing(DERIVED::contains));
        if (!Objects.equals(there.get(KIND), info.get(KIND))) {
            // everything else differs, too
            ordered = List.of(KIND);
        }
        for (String key : ordered) {
            JsonElement old = identity(key, there.get(key));
            JsonElement given = identity(key, info.get(key));
            if (!free.contains(key) && !GSON.toJson(old).equals(GSON.toJson(given))) {
                differences.add(key + " " + compact(given) + " instead of " + compact(old));
            }
        }
        if (!differences.isEmpty()) {
            throw new UserException(
                    file.getParent()
                            + " holds another "
                            + (file.endsWith(NAME) ? "landscape" : "measurement")
                            + ". Received: "
                            + String.join(", ", differences)
                            + ". Choose another folder, or resume with the same options.");
        }
        return there;
    }

    static String text(JsonObject info) {
        return GSON.toJson(info) + "\n";
    }

    /** A checkpoint may move, but not change. */
    private static JsonElement identity(String key, JsonElement value) {
        if (value != null && value.isJsonObject() && CHECKPOINTS.contains(key)) {
            return value.getAsJsonObject().get("checksum");
        }
        return value;
    }

    private static String compact(JsonElement value) {
        return value == null ? "none" : value.toString();
    }

    private static JsonObject read(Path file) throws IOException {
        try {
            String text = Files.readString(file, StandardCharsets.UTF_8);
            return JsonParser.parseString(text).getAsJsonObject();
        } catch (JsonParseException | IllegalStateException malformed) {
            throw new UserException(
                    file + " does not describe a measurement. Choose another folder.", malformed);
        }
    }
}
