package org.djlresnet;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.djlresnet.block.BasicBlock;
import org.djlresnet.block.Convolution;
import org.djlresnet.block.Residual;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.data.BatchLoader;
import org.djlresnet.data.CifarFile;
import org.djlresnet.data.DataChecks;
import org.djlresnet.data.IdxFile;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.CifarResNet;
import org.djlresnet.model.Network;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.training.TrainingRun;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Messages, programs and checkpoints have ASCII digits in every locale. */
class LocaleTest {

    @TempDir Path dir;

    private Locale before;

    @BeforeEach
    void remember() {
        before = Locale.getDefault();
    }

    @AfterEach
    void restore() {
        Locale.setDefault(before);
    }

    private static void assertDigits(String expected, Executable failing) {
        String message = assertThrows(RuntimeException.class, failing).getMessage();
        assertTrue(message.contains(expected), message);
        assertTrue(message.chars().noneMatch(c -> c > 127 && Character.isDigit(c)), message);
    }

    private static ImageDataset dataset(int... labels) {
        ByteBuffer pixels = ByteBuffer.allocateDirect(labels.length);
        long[] shape = {labels.length, 1, 1, 1};
        return ImageDataset.of(pixels, PixelType.UINT8, shape, labels, List.of("0", "1"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"ar-EG", "fa-IR", "tr-TR"})
    void digitsAreAscii(String tag) throws Exception {
        Locale.setDefault(Locale.forLanguageTag(tag));
        Path file = Files.write(dir.resolve("file"), new byte[] {0, 0, 8, 3, 0, 0, 0, 0});
        assertDigits("Received: magic number 2051.", () -> IdxFile.readLabels(file));
        assertDigits("Received: 0.", () -> IdxFile.readImages(file));
        assertDigits("Received: 8 bytes.", () -> CifarFile.read(List.of(file), 1));
        assertDigits("Received: 7.", () -> dataset(0, 7));
        assertDigits(
                "all with label 1.", () -> DataChecks.checkClasses(dataset(1, 1), dataset(0, 1)));
        assertDigits(
                "Received: 20.0 GB.",
                () -> {
                    Preprocessing large =
                            Preprocessing.exact(new ImageShape(1, 1, 1)).withImageSize(50_000);
                    new BatchLoader(dataset(0, 1), large, 2).close();
                });
        assertDigits("0×1×1", () -> new ImageShape(0, 1, 1));
        assertDigits("Received: 0.", () -> Preprocessing.of("{\"channels\": 0}", 1));
        assertDigits("6n+2, such as 8", () -> CifarResNet.builder().setDepth(9));
        assertDigits("kernelSize=2", () -> new Convolution(8, 2, new Shape(1, 1), true, 1));
        Shape[] inputs = {new Shape(1, 5, 8, 8)};
        assertDigits("(N, 4, H, W)", () -> new BasicBlock(4, 4, 1).getOutputShapes(inputs));
        assertDigits("Received: 5,", () -> new Residual(3, false, 1).getOutputShapes(inputs));
    }

    @ParameterizedTest
    @ValueSource(strings = {"ar-EG", "fa-IR"})
    void programsAndCheckpointsHaveAsciiDigits(String tag) {
        Locale.setDefault(Locale.forLanguageTag(tag));
        ImageDataset data = QuadrantImages.of(8, 1);
        Recipe recipe = QuadrantImages.recipe("{'epochs': 1, 'batch_size': 8}");
        TrainingRun run = TrainingRun.prepare(recipe, data, data, dir.resolve("run"));
        try (Network network = run.network()) {
            run.trainer().run();
            try (Checkpoint last = Checkpoint.open(dir.resolve("run/last.safetensors"));
                    Network read = last.network(Device.cpu())) {
                Map<String, NDArray> arrays = read.stateDict();
                network.stateDict()
                        .forEach(
                                (name, array) ->
                                        assertArrayEquals(
                                                array.toFloatArray(),
                                                arrays.get(name).toFloatArray(),
                                                name));
            }
        }
    }

    @Test
    void namesAreComparedWithoutTheTurkishI() {
        Locale.setDefault(Locale.forLanguageTag("tr-TR"));
        assertEquals("idx", NearestName.find("IDX", List.of("cifar-10", "idx")));
    }
}
