package org.djlresnet.augment;

import java.util.ArrayList;
import java.util.List;
import org.djlresnet.UserException;
import org.djlresnet.data.Augmenter;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;

/**
 * The augmentations of a run, in order: {@code crop:4}, {@code flip}, {@code erase:0.25}.
 *
 * <p>docs/augmentation.md describes them.
 */
public final class Augmentations {

    private final List<String> texts;
    private final List<Augmentation> images = new ArrayList<>();
    private final List<Mixing> mixings = new ArrayList<>();

    private Augmentations(List<String> texts) {
        this.texts = List.copyOf(texts);
        for (String text : texts) {
            Step step = Kinds.create(text);
            if (step instanceof Mixing mixing) {
                mixings.add(mixing);
            } else {
                images.add((Augmentation) step);
            }
        }
    }

    /**
     * Reads augmentations.
     *
     * @param texts for each augmentation its name, followed by its parameters, separated by colons
     * @return the augmentations
     * @throws UserException if a name is unknown, or a parameter is missing or out of range
     */
    public static Augmentations of(List<String> texts) {
        return new Augmentations(texts);
    }

    /**
     * Splits augmentations given on a command line.
     *
     * @param text augmentations separated by commas; empty or {@code none} for none
     * @return one element per augmentation
     */
    public static List<String> split(String text) {
        if (text.isBlank() || text.strip().equals("none")) {
            return List.of();
        }
        return List.of(text.split(",", -1)).stream().map(String::strip).toList();
    }

    /**
     * Returns whether a {@code resized-crop} follows another augmentation of the image, so that it
     * crops the network's image instead of the original.
     *
     * @return whether there is one
     */
    public boolean cropsLate() {
        return images.stream().skip(1).anyMatch(ResizedCrop.class::isInstance);
    }

    /**
     * Returns whether batches mix images and labels.
     *
     * @return whether mixup or cutmix is among the augmentations
     */
    public boolean mix() {
        return !mixings.isEmpty();
    }

    /**
     * Checks that the augmentations suit the images.
     *
     * @param shape the shape of the network's images
     * @param type how the data set stores pixels
     * @throws UserException if they do not suit the images
     */
    public void requireFit(ImageShape shape, PixelType type) {
        if (!images.isEmpty() && type != PixelType.UINT8) {
            throw UserException.of(
                    "Augmentations change images of bytes. Received: %s images. Allowed: uint8, from"
                            + " 0 to 255. Pass the images as uint8, or use only mixup and cutmix.",
                    type);
        }
        for (String text : texts) {
            String allowed = Kinds.create(text).misfit(shape);
            if (allowed != null) {
                throw UserException.of(
                        "The augmentation '%s' does not suit the network's images. Received: %s"
                                + " (channels, height, width). Allowed: %s.",
                        text, shape, allowed);
            }
        }
    }

    /**
     * Creates an augmenter for a loader.
     *
     * @param seed the run's seed
     * @param preprocessing the network's preprocessing
     * @param shape the shape of the network's images
     * @return the augmenter, or null if there are no augmentations
     */
    public Augmenter augmenter(long seed, Preprocessing preprocessing, ImageShape shape) {
        return texts.isEmpty()
                ? null
                : new ListAugmenter(images, mixings, seed, new Canvas(preprocessing, shape));
    }

    /** Returns the augmentations as text, separated by commas. */
    @Override
    public String toString() {
        return String.join(",", texts);
    }
}
