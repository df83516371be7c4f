package org.djlresnet.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.djlresnet.QuadrantImages;
import org.djlresnet.UserException;
import org.djlresnet.data.Examples;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SpecificationTest {

    private static final Examples DATA = QuadrantImages.of(4, 1);

    private static String rejection(Runnable call) {
        return assertThrows(UserException.class, call::run).getMessage();
    }

    @ParameterizedTest
    @CsvSource({
        "d2l-resnet18, 1, 28, 10, plain:28",
        "cifar-resnet20, 3, 32, 10, plain:32",
        "study-plain20, 3, 32, 10, plain:32",
        "preact-resnet110, 3, 32, 10, plain:32",
        "preact-resnet50, 3, 224, 1000, torchvision",
        "resnet50, 3, 224, 1000, torchvision",
        "resnet50+deep_stem, 3, 224, 1000, torchvision",
        "resnext50_32x4d, 3, 224, 1000, torchvision",
    })
    void networksHaveUsualInputsAndOutputs(
            String name, int channels, int size, int classes, String preprocessing) {
        Models.Model model = Models.get(name);
        assertEquals(new ImageShape(channels, size, size), model.input());
        assertEquals(classes, model.output().size());
        assertEquals(Preprocessing.of(preprocessing, channels), model.preprocessing());
    }

    @Test
    void smallStemHasNoUsualPreprocessing() {
        assertNull(Models.get("resnet18+small_stem").preprocessing());
    }

    @Test
    void otherChannelsDropNormalizedPreprocessing() {
        assertNull(Models.get("resnet18").specification(1, Classes.numbered(2)).preprocessing());
        assertEquals(
                Preprocessing.of("plain:32", 1),
                Models.get("cifar-resnet20").specification(1, Classes.numbered(2)).preprocessing());
    }

    @Test
    void freshNetworksFollowChannelsAndSizeOfTheData() {
        Specification own = Specification.forTraining("d2l-resnet18", DATA, null, null);
        assertEquals(1, own.channels());
        assertEquals(QuadrantImages.CLASSES, own.classNames());
        assertEquals(Preprocessing.of("plain:8", 1), own.preprocessing());
        assertEquals(
                Preprocessing.of("plain:20", 1),
                Specification.forTraining("d2l-resnet18", DATA, 20, null).preprocessing());
    }

    @Test
    void weightsKeepTheirPreprocessing() {
        Preprocessing torchvision = Preprocessing.torchvision();
        Specification kept = Specification.forTraining("resnet18", DATA, null, torchvision);
        assertEquals(3, kept.channels());
        assertEquals(torchvision, kept.preprocessing());
        assertEquals(
                torchvision.withImageSize(64),
                Specification.forTraining("resnet18", DATA, 64, torchvision).preprocessing());
    }

    @Test
    void filesKeepTheirSizeOrGetTheUsualOne() {
        ImageShape small = new ImageShape(3, 96, 64);
        ImageShape large = new ImageShape(3, 600, 600);
        Preprocessing weights = Preprocessing.torchvision();
        assertEquals(
                new ImageShape(1, 96, 64),
                Specification.forFiles("resnet18", small, 1, null, null).output(null));
        // several sizes: as torchvision's, without normalization
        assertEquals(
                Preprocessing.centred(3, 224),
                Specification.forFiles("resnet18", null, 3, null, null));
        assertEquals(256, Preprocessing.centred(3, 224).resize().height());
        assertEquals(
                Preprocessing.centred(3, 40),
                Specification.forFiles("resnet18", small, 3, 40, null));
        // square images lose no border
        assertEquals(
                Preprocessing.exact(new ImageShape(3, 224, 224)).rounded(),
                Specification.forFiles("resnet18", large, 3, null, null));
        assertEquals(weights, Specification.forFiles("resnet18", large, 1, null, weights));
        Preprocessing sized = Specification.forFiles("resnet18", null, 1, 64, weights);
        assertEquals(new ImageShape(3, 64, 64), sized.output(null));
        assertEquals(weights.mean(), sized.mean());
    }

    @Test
    void rejectsInvalidSpecifications() {
        Output four = Classes.numbered(4);
        assertEquals(
                "A network needs at least 1 input channel and 1 class. Received: in_channels=0,"
                        + " classes=4.",
                rejection(() -> new Specification("resnet18", 0, four, null)));
        assertEquals(
                "A network needs at least 1 input channel and 1 class. Received: in_channels=1,"
                        + " classes=0.",
                rejection(() -> new Specification("resnet18", 1, Classes.numbered(0), null)));
        assertEquals(
                "The network and its preprocessing must have the same number of channels. Received: 1 and 3.",
                rejection(
                        () -> new Specification("resnet18", 1, four, Preprocessing.torchvision())));
        rejection(() -> new Specification("resnet", 1, four, null));
    }

    @Test
    void requiresPreprocessingIfUnknown() {
        Specification unknown = new Specification("resnet18", 3, Classes.numbered(4), null);
        assertEquals(
                "The network does not record how its images are prepared. Set the preprocessing."
                        + " Allowed: torchvision, plain:N such as plain:32, or a JSON object.",
                rejection(() -> unknown.preprocessing(null)));
        assertEquals(Preprocessing.torchvision(), unknown.preprocessing("torchvision"));
        Specification known = unknown.withPreprocessing(Preprocessing.of("plain:9", 3));
        assertEquals(Preprocessing.of("plain:9", 3), known.preprocessing(null));
        assertEquals(Preprocessing.torchvision(), known.preprocessing("torchvision"));
    }
}
