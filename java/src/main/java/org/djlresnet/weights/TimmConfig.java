package org.djlresnet.weights;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import org.djlresnet.AtomicFile;
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

    private static final String SET =
            ". Set the preprocessing (preprocessing in Python, --preprocessing on the command line).";

    private TimmConfig() {}

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
            if (!(JsonParser.parseString(Files.readString(file)) instanceof JsonObject config)) {
                return null;
            }
            JsonObject used =
                    config.get("pretrained_cfg") instanceof JsonObject inner ? inner : config;
            return used.has("input_size") ? preprocessing(used, channels) : null;
        } catch (UserException unsupported) {
            String reason = unsupported.getMessage().replaceFirst("\\.$", "");
            throw new UserException(file + ": " + reason + SET, unsupported);
        } catch (IOException unreadable) {
            String reason = AtomicFile.reason(unreadable);
            throw new UserException(file + " cannot be read: " + reason + SET, unreadable);
        } catch (JsonParseException malformed) {
            throw new UserException(file + " is not JSON" + SET, malformed);
        } catch (RuntimeException wrongType) {
            throw new UserException(file + " has a value of the wrong type" + SET, wrongType);
        }
    }

    private static Preprocessing preprocessing(JsonObject config, int channels) {
        JsonArray lengths = config.getAsJsonArray("input_size");
        if (lengths.size() != 3
                || lengths.get(0).getAsInt() != channels
                || !lengths.get(1).equals(lengths.get(2))) {
            throw unsupported(config, "input_size", "[%s, N, N]".formatted(channels));
        }
        String mode = value(config, "crop_mode", "center", JsonElement::getAsString);
        if (!mode.equals("center") && !mode.equals("squash")) {
            throw unsupported(config, "crop_mode", "center, squash");
        }
        Interpolation interpolation;
        try {
            interpolation =
                    Interpolation.of(
                            value(config, "interpolation", "bicubic", JsonElement::getAsString));
        } catch (UserException other) {
            throw unsupported(config, "interpolation", "bilinear, bicubic");
        }
        int size = lengths.get(1).getAsInt();
        int resized = (int) (size / value(config, "crop_pct", 0.875, JsonElement::getAsDouble));
        Preprocessing usual = Preprocessing.torchvision();
        return new Preprocessing(
                channels,
                mode.equals("squash")
                        ? Resize.exact(resized, resized, interpolation, true)
                        : Resize.shortSide(resized, interpolation, true),
                new Preprocessing.Crop(size, size),
                value(config, "mean", usual.mean(), TimmConfig::numbers),
                value(config, "std", usual.deviation(), TimmConfig::numbers));
    }

    private static UserException unsupported(JsonObject config, String key, String allowed) {
        return new UserException(
                "Unsupported \"%s\". Received: %s. Allowed: %s"
                        .formatted(key, config.get(key), allowed));
    }

    private static <T> T value(
            JsonObject config, String key, T otherwise, Function<JsonElement, T> read) {
        JsonElement value = config.get(key);
        return value == null || value.isJsonNull() ? otherwise : read.apply(value);
    }

    private static List<Double> numbers(JsonElement array) {
        return array.getAsJsonArray().asList().stream().map(JsonElement::getAsDouble).toList();
    }
}
