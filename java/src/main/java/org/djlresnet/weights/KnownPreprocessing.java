package org.djlresnet.weights;

import java.nio.file.Path;
import org.djlresnet.UserException;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Models;

/**
 * The preprocessing of imported weights, as far as it is known.
 *
 * @param preprocessing the preprocessing, or null
 * @param source where it is from, or null
 */
record KnownPreprocessing(Preprocessing preprocessing, String source) {

    /**
     * Finds it: what is given, else what a checkpoint of ours records, else what timm's config.json
     * beside the file says, else torchvision's for the networks that torchvision has.
     *
     * @param given a preset's name or JSON, or null
     * @param checkpoint the file as a checkpoint of ours, or null
     * @param beside the file's path
     * @param model the network
     * @param channels the channels of its input
     * @throws UserException if a text is bad, or timm's file says what cannot be done
     */
    static KnownPreprocessing find(
            String given, Checkpoint checkpoint, Path beside, Models.Model model, int channels) {
        if (given != null) {
            return new KnownPreprocessing(Preprocessing.of(given, channels), "given");
        }
        if (checkpoint != null) {
            Preprocessing recorded = checkpoint.preprocessing();
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
        // that of the registry would be a guess
        return new KnownPreprocessing(null, null);
    }
}
