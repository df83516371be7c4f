package org.djlresnet.weights;

import java.nio.file.Path;
import org.djlresnet.UserException;
import org.djlresnet.checkpoint.Checkpoint;
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
     * Finds the preprocessing: the given one, else the checkpoint's, else that of timm's
     * config.json next to the file, else torchvision's for torchvision's networks.
     *
     * @param given a preset's name or JSON, or null
     * @param checkpoint the checkpoint, or null if the file is not one of this library
     * @param beside the file's path
     * @param model the network
     * @param channels the number of input channels
     * @throws UserException if a text is invalid, or timm's file is not supported
     */
    static KnownPreprocessing find(
            String given, Checkpoint checkpoint, Path beside, Models.Model model, int channels) {
        if (given != null) {
            return new KnownPreprocessing(Preprocessing.of(given, channels), "given");
        }
        if (checkpoint != null) {
            Preprocessing recorded = checkpoint.specification().preprocessing();
            return new KnownPreprocessing(recorded, recorded == null ? null : "file");
        }
        Preprocessing timm = TimmConfig.read(beside.resolveSibling("config.json"), channels);
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
