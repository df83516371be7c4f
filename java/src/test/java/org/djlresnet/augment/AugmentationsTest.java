package org.djlresnet.augment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The forms of augmentations in recipes. */
class AugmentationsTest {

    private static final int SIZE = 12;
    private static final ImageShape SHAPE = new ImageShape(1, SIZE, SIZE);

    private static String rejection(String... texts) {
        return assertThrows(UserException.class, () -> Augmentations.of(List.of(texts)))
                .getMessage();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "crop:4",
                "crop:4:reflect",
                "translate:2",
                "resized-crop",
                "resized-crop:0.5",
                "resized-crop:0.2:0.8",
                "flip",
                "flip:0.25",
                "alternating-flip",
                "rotate:15",
                "brightness:0.4",
                "contrast:.4",
                "erase:0.25",
                "erase:0.25:black",
                "erase:0.25:3-11",
                "erase:0.25:3-11:black",
                "cutout:8",
                "trivial",
                "mixup:0.2",
                "cutmix:1",
            })
    void acceptsEveryFormOfTheDocumentation(String text) {
        Augmentations augmentations = Augmentations.of(List.of(text));
        augmentations.requireFit(SHAPE, PixelType.UINT8);
        assertEquals(text, augmentations.toString());
        assertEquals(text.contains("mix"), augmentations.mix());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "crop",
                "crop:0",
                "crop:2.5",
                "crop:x",
                "crop:4:mirror",
                "crop:4:reflect:1",
                "crop:1e1",
                "flip:1.5",
                "flip:-1",
                "flip:",
                "flip:NaN",
                "alternating-flip:1",
                "resized-crop:0",
                "resized-crop:0.8:0.2",
                "rotate:181",
                "erase:0.25:13-3",
                "erase:0.25:0-3",
                "erase:0.25:white",
                "erase:0.25:black:3-13",
                "mixup:0",
                "cutmix",
            })
    void rejectsWrongParameters(String text) {
        String message = rejection(text);
        assertTrue(
                message.startsWith("Invalid augmentation. Received: '" + text + "'. Allowed: "),
                message);
    }

    @Test
    void cutsLongTextsInMessages() {
        assertTrue(rejection("crop:" + "1".repeat(100_000) + "x").length() < 300);
        assertTrue(rejection("1".repeat(100_000)).length() < 400);
    }

    @Test
    void suggestsTheNearestName() {
        String message = rejection("flip", "crp:4");
        assertTrue(
                message.startsWith(
                        "Unknown augmentation. Received: 'crp:4'. Did you mean"
                                + " 'crop:PIXELS[:reflect]'? Allowed: crop:PIXELS[:reflect],"
                                + " translate:PIXELS, resized-crop[:MIN:MAX], flip[:P],"),
                message);
    }

    @ParameterizedTest
    @CsvSource({
        "resized-crop, false",
        "resized-crop flip, false",
        "mixup:1 resized-crop, false",
        "flip resized-crop:0.5:1, true",
    })
    void reportsAResizedCropThatIsNotFirst(String texts, boolean expected) {
        assertEquals(expected, Augmentations.of(List.of(texts.split(" "))).cropsLate());
    }

    @ParameterizedTest
    @CsvSource({
        "crop:12, up to 11 pixels",
        "cutout:13, up to 12 pixels",
        "erase:1:3-13, sides of up to 12 pixels",
        "saturation:0.5, images with 3 channels",
    })
    void rejectsWhatDoesNotSuitTheImages(String text, String allowed) {
        Augmentations augmentations = Augmentations.of(List.of(text));
        UserException thrown =
                assertThrows(
                        UserException.class,
                        () -> augmentations.requireFit(SHAPE, PixelType.UINT8));
        assertEquals(
                "The augmentation '"
                        + text
                        + "' does not suit the network's images. Received: 1×12×12 (channels,"
                        + " height, width). Allowed: "
                        + allowed
                        + ".",
                thrown.getMessage());
    }

    @Test
    void changesOnlyBytes() {
        Augmentations flip = Augmentations.of(List.of("flip"));
        assertThrows(UserException.class, () -> flip.requireFit(SHAPE, PixelType.FLOAT32));
        Augmentations.of(List.of("mixup:1")).requireFit(SHAPE, PixelType.FLOAT32);
    }

    @Test
    void splitsTheFormOfTheCommandLine() {
        assertEquals(List.of("crop:4", "flip"), Augmentations.split("crop:4, flip"));
        assertEquals(List.of(), Augmentations.split("none"));
        assertNull(Augmentations.of(List.of()).augmenter(0, Preprocessing.exact(SHAPE), SHAPE));
    }
}
