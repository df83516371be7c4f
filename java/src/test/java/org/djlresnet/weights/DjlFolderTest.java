package org.djlresnet.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.inference.Predictor;
import ai.djl.modality.Classifications;
import ai.djl.modality.cv.Image;
import ai.djl.modality.cv.ImageFactory;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.SequentialBlock;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.DeferredTranslatorFactory;
import ai.djl.translate.TranslatorFactory;
import java.awt.image.BufferedImage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.djlresnet.UnsettledNetwork;
import org.djlresnet.UserException;
import org.djlresnet.image.GoldenImages;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Interpolation;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.Preprocessor;
import org.djlresnet.image.Resize;
import org.djlresnet.model.Models;
import org.djlresnet.model.Network;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("engine")
class DjlFolderTest {

    private static final int SIZE = 20;
    static final List<String> CLASSES = List.of("cat", "dog, small", "owl");

    @TempDir Path folder;

    static Preprocessing plain(int channels) {
        return Preprocessing.exact(new ImageShape(channels, SIZE, SIZE));
    }

    /** The value of a pixel of the test image. */
    private static int level(int y, int x, int channel) {
        return (y * 37 + x * 11 + channel * 67) % 256;
    }

    static BufferedImage image(boolean grey) {
        BufferedImage image = new BufferedImage(SIZE, SIZE, BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < SIZE; y++) {
            for (int x = 0; x < SIZE; x++) {
                int red = level(y, x, 0);
                int green = grey ? red : level(y, x, 1);
                int blue = grey ? red : level(y, x, 2);
                image.setRGB(x, y, red << 16 | green << 8 | blue);
            }
        }
        return image;
    }

    /** The network's own probabilities for the test image. */
    static float[] expected(Network network) {
        try (NDArray logits = logits(network);
                NDArray answer = logits.softmax(1)) {
            return answer.toFloatArray();
        }
    }

    private static NDArray logits(Network network) {
        int channels = network.inChannels();
        float[] values = new float[channels * SIZE * SIZE];
        int i = 0;
        for (int channel = 0; channel < channels; channel++) {
            for (int y = 0; y < SIZE; y++) {
                for (int x = 0; x < SIZE; x++) {
                    values[i++] = level(y, x, channel) / 255f;
                }
            }
        }
        try (NDManager manager = network.manager().newSubManager()) {
            NDArray input = manager.create(values, new Shape(1, channels, SIZE, SIZE));
            NDArray logits = network.forward(input, false);
            logits.attach(network.manager());
            return logits;
        }
    }

    /** A network with other than fresh weights whose probabilities are not all 0 or 1. */
    static Network learned(String name, int channels) {
        Network network = Network.create(name, channels, CLASSES, 4, Device.cpu());
        UnsettledNetwork.unsettle(network);
        try (NDArray logits = logits(network);
                NDArray largest = logits.abs().max()) {
            Map<String, NDArray> state = new HashMap<>(network.stateDict());
            String head = Layout.of(Models.get(name)).headWeight();
            state.put(head, state.get(head).div(largest.getFloat()));
            network.loadStateDict(state);
        }
        return network;
    }

    /** Serves a folder as any DJL program does. */
    private static Classifications served(Path folder, BufferedImage image) throws Exception {
        return served(folder, image, null);
    }

    private static Classifications served(
            Path folder, BufferedImage image, TranslatorFactory translatorFactory)
            throws Exception {
        Criteria<Image, Classifications> criteria =
                Criteria.builder()
                        .setTypes(Image.class, Classifications.class)
                        .optModelPath(folder)
                        .optTranslatorFactory(translatorFactory)
                        .build();
        try (ZooModel<Image, Classifications> model = criteria.loadModel();
                Predictor<Image, Classifications> predictor = model.newPredictor()) {
            return predictor.predict(ImageFactory.getInstance().fromImage(image));
        }
    }

    private static void assertServes(Classifications answer, float[] expected) {
        assertEquals(CLASSES.size(), answer.getClassNames().size());
        for (int i = 0; i < expected.length; i++) {
            assertEquals(
                    expected[i], answer.get(CLASSES.get(i)).getProbability(), 1e-5, CLASSES.get(i));
        }
    }

    @Test
    void translatorNeedsOurBlock() {
        try (Model model = Model.newInstance("other")) {
            model.setBlock(new SequentialBlock());
            String message =
                    assertThrows(
                                    UserException.class,
                                    () ->
                                            new NetworkTranslatorFactory()
                                                    .buildBaseTranslator(model, Map.of()))
                            .getMessage();
            assertTrue(message.contains("Received: a block of SequentialBlock."), message);
        }
    }

    @Test
    void servesNormalizedImages() throws Exception {
        double[] mean = {0.485, 0.456, 0.406};
        double[] deviation = {0.229, 0.224, 0.225};
        float[] values = new float[3 * SIZE * SIZE];
        for (int i = 0; i < values.length; i++) {
            int channel = i / (SIZE * SIZE);
            double value = level(i / SIZE % SIZE, i % SIZE, channel) / 255.0;
            values[i] = (float) ((value - mean[channel]) / deviation[channel]);
        }
        Path place = folder.resolve("served");
        float[] expected;
        try (Network network = learned("cifar-resnet20+option_b", 3)) {
            DjlFolder.write(place, network, Preprocessing.torchvision().withImageSize(SIZE));
            expected = probabilities(network, values);
        }
        assertServes(served(place, image(false)), expected);
    }

    /** Kinds of images that DJL's own translator reads right. */
    private static final List<String> AS_DJL_READS_THEM =
            List.of("grey 1", "grey 4", "grey 8", "colour 8", "palette 2", "palette 8");

    /** Files of every kind match the network's output for the pixels that Pillow reads. */
    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void preparesImagesAsInTraining(int channels) throws Exception {
        Preprocessing preprocessing =
                new Preprocessing(
                        channels,
                        Resize.shortSide(26, Interpolation.BICUBIC, true),
                        new Preprocessing.Crop(SIZE, SIZE),
                        Collections.nCopies(channels, 0.4),
                        Collections.nCopies(channels, 0.25));
        Path place = folder.resolve("served");
        Map<String, float[]> expected = new HashMap<>();
        List<GoldenImages.Golden> files = GoldenImages.all().toList();
        try (Network network = learned("cifar-resnet20", channels)) {
            DjlFolder.write(place, network, preprocessing);
            for (GoldenImages.Golden file : files) {
                float[] values = new float[channels * SIZE * SIZE];
                new Preprocessor(preprocessing).apply(file.raw(), values, 0);
                expected.put(file.name(), probabilities(network, values));
            }
        }
        for (GoldenImages.Golden file : files) {
            float[] right = expected.get(file.name());
            BufferedImage image = file.read();
            assertServes(served(place, image, new DeferredTranslatorFactory()), right);
            if (AS_DJL_READS_THEM.contains(file.name())) {
                assertServes(served(place, image), right);
            }
        }
    }

    private static float[] probabilities(Network network, float[] values) {
        try (NDManager manager = network.manager().newSubManager()) {
            Shape shape = new Shape(1, network.inChannels(), SIZE, SIZE);
            return network.forward(manager.create(values, shape), false).softmax(1).toFloatArray();
        }
    }

    /** One network of each family, with both kinds of blocks where it has both. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "resnet18",
                "resnext50_32x4d",
                "preact-resnet18",
                "preact-resnet164",
                "cifar-resnet20",
                "plain20",
                "study-resnet20",
                "study-plain20",
                "fashion-net",
                "airbench94"
            })
    void servesEveryFamilyWithItsWeights(String name) throws Exception {
        Path place = folder.resolve("served");
        float[] expected;
        try (Network network = learned(name, 3)) {
            DjlFolder.write(place, network, plain(3));
            expected = expected(network);
        }
        assertServes(served(place, image(false)), expected);
    }

    @Test
    void servesWithoutRecordingGradients() throws Exception {
        Path place = folder.resolve("served");
        try (Network network = Network.create("cifar-resnet20", 3, CLASSES, 4, Device.cpu())) {
            DjlFolder.write(place, network, plain(3));
        }
        Criteria<Image, Classifications> criteria =
                Criteria.builder()
                        .setTypes(Image.class, Classifications.class)
                        .optModelPath(place)
                        .build();
        try (ZooModel<Image, Classifications> model = criteria.loadModel()) {
            model.getBlock()
                    .getParameters()
                    .forEach(
                            parameter ->
                                    assertFalse(
                                            parameter.getValue().getArray().hasGradient(),
                                            parameter.getKey()));
        }
    }

    @Test
    @DisabledOnOs(OS.WINDOWS) // no POSIX permissions there
    void folderHasTheUsualPermissions() throws Exception {
        Path place = folder.resolve("served");
        try (Network network = Network.create("cifar-resnet20", 3, CLASSES, 4, Device.cpu())) {
            DjlFolder.write(place, network, plain(3));
        }
        assertEquals(
                Files.getPosixFilePermissions(Files.createDirectory(folder.resolve("plain"))),
                Files.getPosixFilePermissions(place));
        try (Stream<Path> left = Files.list(folder)) {
            assertEquals(2, left.count());
        }
    }

    @Test
    void rejectsFolderWithoutItsNetwork() {
        UserException error =
                assertThrows(
                        UserException.class,
                        () ->
                                new NetworkFactory()
                                        .newBlock(null, folder, Map.of("network", "resnet18")));
        assertEquals(
                folder
                        + " is neither a run folder nor an exported folder: its arguments lack"
                        + " \"classes\". Export the network again.",
                error.getMessage());
    }
}
