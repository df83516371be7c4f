package org.djlresnet.weights;

import java.nio.file.Path;
import org.djlresnet.UserException;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Models;

/**
 * The preprocessing of imported weights and its source.
 *
 * @param preprocessing the preprocessing, or null if unknown
 * @param source its source, or null if unknown
 */
record KnownPreprocessing(Preprocessing preprocessing, String source) {

    /**
     * Finds the preprocessing: the given one, else the recorded one, else that of timm's
     * config.json next to the file, else torchvision's for torchvision's networks.
     *
     * @param given a preset's name or JSON, or null
     * @param recorded the one that the file records, or null
     * @param original the file's path
     * @param model the network
     * @param channels the number of input channels
     * @throws UserException if a text is invalid, or timm's file is not supported
     */
    static KnownPreprocessing find(
            String given, Preprocessing recorded, Path original, Models.Model model, int channels) {
        if (given != null) {
            return new KnownPreprocessing(Preprocessing.of(given, channels), "given");
        }
        if (recorded != null) {
            return new KnownPreprocessing(recorded, "file");
        }
        Preprocessing timm = TimmConfig.read(original.resolveSibling("config.json"), channels);
        if (timm != null) {
            return new KnownPreprocessing(timm, "timm");
        }
        Preprocessing torchvision = Preprocessing.torchvision();
        if (torchvision.equals(model.preprocessing()) && channels == torchvision.channels()) {
            return new KnownPreprocessing(torchvision, "torchvision");
        }
        // the registry's default would be a guess
        return new KnownPreprocessing(null, null);
    }
}
