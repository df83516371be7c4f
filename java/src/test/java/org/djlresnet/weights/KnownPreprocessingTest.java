package org.djlresnet.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.djlresnet.UserException;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.image.Interpolation;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.Resize;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Models;
import org.djlresnet.model.Network;
import org.djlresnet.model.Specification;
import org.djlresnet.weights.StateFile.Wanted;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tests how the preprocessing of imported weights is found. */
class KnownPreprocessingTest {

    private static final KnownPreprocessing UNKNOWN = new KnownPreprocessing(null, null);

    @TempDir Path folder;

    private KnownPreprocessing found(String model, int channels) {
        Path weights = folder.resolve("model.safetensors");
        return KnownPreprocessing.find(null, null, weights, Models.get(model), channels);
    }

    private void config(String singleQuoted) throws IOException {
        Files.writeString(folder.resolve("config.json"), singleQuoted.replace('\'', '"'));
    }

    @ParameterizedTest
    @CsvSource({
        "resnet50, 3, true",
        "resnet50+deep_stem, 3, true",
        "resnext50_32x4d, 3, true",
        "resnet18, 1, false",
        "resnet18+small_stem, 3, false",
        "cifar-resnet20, 3, false",
        "d2l-resnet18, 1, false"
    })
    void usesTorchvisionsPreprocessingForItsNetworks(String model, int channels, boolean taken) {
        assertEquals(
                taken
                        ? new KnownPreprocessing(Preprocessing.torchvision(), "torchvision")
                        : UNKNOWN,
                found(model, channels));
    }

    /** Reads the keys of the file beside resnet50.a1_in1k in timm's hub. */
    @Test
    void readsTimmsConfig() throws IOException {
        config(
                "{'architecture': 'resnet50', 'num_classes': 1000, 'pretrained_cfg': {'tag':"
                        + " 'a1_in1k', 'input_size': [3, 224, 224], 'test_input_size': [3, 288,"
                        + " 288], 'fixed_input_size': false, 'interpolation': 'bicubic',"
                        + " 'crop_pct': 0.95, 'test_crop_pct': 1.0, 'crop_mode': 'center', 'mean':"
                        + " [0.485, 0.456, 0.406], 'std': [0.229, 0.224, 0.225]}}");
        // floor(224 / 0.95) = 235
        Preprocessing usual = Preprocessing.torchvision();
        Preprocessing expected =
                new Preprocessing(
                        3,
                        Resize.shortSide(235, Interpolation.BICUBIC, true),
                        new Preprocessing.Crop(224, 224),
                        usual.mean(),
                        usual.deviation());
        assertEquals(new KnownPreprocessing(expected, "timm"), found("resnet50", 3));
        assertEquals(expected, found("cifar-resnet20", 3).preprocessing());
    }

    @Test
    void readsTimmsOlderConfigWithDefaults() throws IOException {
        config("{'input_size': [3, 176, 176], 'crop_mode': 'squash', 'std': [0.5, 0.5, 0.5]}");
        // floor(176 / 0.875) = 201
        Preprocessing expected =
                new Preprocessing(
                        3,
                        Resize.exact(201, 201, Interpolation.BICUBIC, true),
                        new Preprocessing.Crop(176, 176),
                        Preprocessing.torchvision().mean(),
                        List.of(0.5, 0.5, 0.5));
        assertEquals(new KnownPreprocessing(expected, "timm"), found("resnet50", 3));
    }

    @Test
    void ignoresAConfigOfAnotherProgram() throws IOException {
        for (String other : List.of("{'architectures': ['ResNetForImageClassification']}", "[]")) {
            config(other);
            assertEquals("torchvision", found("resnet50", 3).source());
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'input_size': [3, 224, 256]} | 'input_size'. Received: [3,224,256]. Allowed: [3, N,"
                        + " N]",
                "{'input_size': [1, 224, 224]} | 'input_size'. Received: [1,224,224]. Allowed: [3, N,"
                        + " N]",
                "{'input_size': [3, 224, 224], 'interpolation': 'lanczos'} | 'interpolation'."
                        + " Received: 'lanczos'. Allowed: bilinear, bicubic",
                "{'input_size': [3, 224, 224], 'crop_mode': 'border'} | 'crop_mode'. Received:"
                        + " 'border'. Allowed: center, squash",
            })
    void rejectsUnsupportedConfigs(String config, String message) throws IOException {
        config(config);
        UserException error = assertThrows(UserException.class, () -> found("resnet50", 3));
        assertEquals(
                folder.resolve("config.json")
                        + ": Unsupported "
                        + message
                        + ". Set the preprocessing (preprocessing in Python, --preprocessing on the"
                        + " command line).",
                error.getMessage().replace('"', '\''));
    }

    @Test
    void rejectsADamagedConfigUnlessAPreprocessingIsGiven() throws IOException {
        config("{'input_size': [3,");
        UserException error = assertThrows(UserException.class, () -> found("resnet50", 3));
        assertTrue(
                error.getMessage().startsWith(folder.resolve("config.json") + " is not JSON. Set"),
                error.getMessage());
        assertEquals(
                new KnownPreprocessing(Preprocessing.of("plain:64", 3), "given"),
                KnownPreprocessing.find(
                        "plain:64",
                        null,
                        folder.resolve("model.safetensors"),
                        Models.get("resnet50"),
                        3));
    }

    @Test
    void usesTheCheckpointsPreprocessingUnlessAnotherIsGiven() throws IOException {
        Preprocessing own = Preprocessing.torchvision().withImageSize(40);
        Path path = folder.resolve("net.safetensors");
        Specification specification =
                new Specification("cifar-resnet20", 3, Classes.numbered(4), own);
        try (Network network = Network.create(specification, 1, Device.cpu())) {
            Checkpoint.save(path, network, null, Map.of());
        }
        try (StateFile file = StateFile.open(path)) {
            assertEquals(own, file.preprocessing("cifar-resnet20"));
            assertImported(file, path, null, own, "file");
            assertImported(file, path, "torchvision", Preprocessing.torchvision(), "given");
        }
    }

    @Test
    void preprocessingIsUnknownForOtherWeights() throws IOException {
        Path path = folder.resolve("net.safetensors");
        write(path, null);
        try (StateFile file = StateFile.open(path)) {
            assertEquals(null, file.preprocessing("cifar-resnet20"));
            assertImported(file, path, null, null, null);
            assertImported(file, path, "plain:32", Preprocessing.of("plain:32", 3), "given");
        }
    }

    @Test
    void exportRecordsItsPreprocessingAndNetwork() throws IOException {
        Preprocessing own = Preprocessing.torchvision().withImageSize(40);
        Path path = folder.resolve("net.safetensors");
        write(path, own);
        // the record comes before timm's file
        config("{'input_size': [3, 64, 64]}");
        try (StateFile file = StateFile.open(path)) {
            assertEquals("cifar-resnet20", file.model());
            assertEquals(own, file.preprocessing("cifar-resnet20"));
            assertImported(file, path, null, own, "file");
            assertImported(file, path, "plain:32", Preprocessing.of("plain:32", 3), "given");
        }
    }

    private static void write(Path path, Preprocessing preprocessing) throws IOException {
        Specification specification =
                new Specification("cifar-resnet20", 3, Classes.numbered(4), preprocessing);
        try (Network network = Network.create(specification, 1, Device.cpu())) {
            StateFile.write(path, network);
        }
    }

    private static void assertImported(
            StateFile file, Path path, String given, Preprocessing expected, String source) {
        Wanted wanted = new Wanted("cifar-resnet20", null, null, false, 0, given, path);
        StateFile.Imported imported = file.network(wanted, Device.cpu());
        try (Network network = imported.network()) {
            assertEquals(expected, network.specification().preprocessing());
            assertEquals(source, imported.preprocessingSource());
        }
    }
}
