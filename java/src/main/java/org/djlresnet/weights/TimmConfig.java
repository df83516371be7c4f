package org.djlresnet.weights;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.djlresnet.UserException;
import org.djlresnet.image.Interpolation;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.Resize;

/**
 * The file {@code config.json} that timm puts next to weights. Its object pretrained_cfg, or in an
 * older format the file itself, has the keys input_size, crop_pct, crop_mode, interpolation, mean
 * and std. Missing keys have timm's defaults.
 *
 * <p>Source: timm, {@code timm/data/config.py} and {@code transforms_factory.py}.
 */
final class TimmConfig {

    private static final String GIVE = ". Give a preprocessing.";

    private final Path file;
    private final JsonObject config;

    private TimmConfig(Path file, JsonObject config) {
        this.file = file;
        this.config = config;
    }

    /**
     * Reads the file.
     *
     * @param file the file, which need not exist
     * @param channels the number of input channels
     * @return the preprocessing; null if there is no such file, or it is not timm's
     * @throws UserException if it cannot be read, or is not supported
     */
    static Preprocessing read(Path file, int channels) {
        if (!Files.isRegularFile(file)) {
            return null;
        }
        try {
            JsonElement json = JsonParser.parseString(Files.readString(file));
            if (!json.isJsonObject()) {
                return null;
            }
            JsonObject config = json.getAsJsonObject();
            JsonElement inner = config.get("pretrained_cfg");
            if (inner != null && inner.isJsonObject()) {
                config = inner.getAsJsonObject();
            }
            return config.has("input_size")
                    ? new TimmConfig(file, config).preprocessing(channels)
                    : null;
        } catch (IOException
                | JsonParseException
                | IllegalStateException
                | UnsupportedOperationException
                | NumberFormatException malformed) {
            throw new UserException(file + " cannot be read: " + malformed + GIVE, malformed);
        }
    }

    private Preprocessing preprocessing(int channels) {
        int[] shape = inputSize();
        if (shape[0] != channels) {
            throw new UserException(
                    file
                            + " is for another number of channels. Received: "
                            + shape[0]
                            + ". Allowed: "
                            + channels
                            + GIVE);
        }
        int size = shape[1];
        int resized = (int) Math.floor(size / number("crop_pct", 0.875));
        Interpolation interpolation = interpolation();
        boolean squashes = squashes();
        Preprocessing usual = Preprocessing.torchvision();
        try {
            return new Preprocessing(
                    channels,
                    squashes
                            ? Resize.exact(resized, resized, interpolation, true)
                            : Resize.shortSide(resized, interpolation, true),
                    new Preprocessing.Crop(size, size),
                    numbers("mean", usual.mean()),
                    numbers("std", usual.deviation()));
        } catch (UserException bad) {
            throw new UserException(
                    file + ": " + bad.getMessage().replaceFirst("\\.$", "") + GIVE, bad);
        }
    }

    private int[] inputSize() {
        JsonArray lengths = config.getAsJsonArray("input_size");
        if (lengths.size() != 3 || !lengths.get(1).equals(lengths.get(2))) {
            throw unknown("input_size", "[channels, N, N]");
        }
        return new int[] {lengths.get(0).getAsInt(), lengths.get(1).getAsInt()};
    }

    private Interpolation interpolation() {
        try {
            return Interpolation.of(text("interpolation", "bicubic"));
        } catch (UserException other) {
            throw unknown("interpolation", "bilinear, bicubic");
        }
    }

    private boolean squashes() {
        String mode = text("crop_mode", "center");
        if (!mode.equals("center") && !mode.equals("squash")) {
            throw unknown("crop_mode", "center, squash");
        }
        return mode.equals("squash");
    }

    private UserException unknown(String key, String allowed) {
        return new UserException(
                "%s has an unsupported \"%s\". Received: %s. Allowed: %s%s"
                        .formatted(file, key, config.get(key), allowed, GIVE));
    }

    private boolean has(String key) {
        return config.has(key) && !config.get(key).isJsonNull();
    }

    private String text(String key, String otherwise) {
        return has(key) ? config.get(key).getAsString() : otherwise;
    }

    private double number(String key, double otherwise) {
        return has(key) ? config.get(key).getAsDouble() : otherwise;
    }

    private List<Double> numbers(String key, List<Double> otherwise) {
        if (!has(key)) {
            return otherwise;
        }
        List<Double> numbers = new ArrayList<>();
        config.getAsJsonArray(key).forEach(number -> numbers.add(number.getAsDouble()));
        return numbers;
    }
}
