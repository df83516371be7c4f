package org.djlresnet.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.Device;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Network;
import org.djlresnet.model.Specification;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tests that a checkpoint records the preprocessing. */
@Tag("engine")
class CheckpointPreprocessingTest {

    private static final List<String> CLASSES = List.of("a", "b", "c");

    @TempDir Path dir;

    private Path write(String info) throws IOException {
        Path file = dir.resolve("made.safetensors");
        SafetensorsFile.write(file, Map.of("py_djl_resnet", info.replace('\'', '"')), List.of());
        return file;
    }

    @Test
    void keepsThePreprocessing() throws IOException {
        Path file = dir.resolve("network.safetensors");
        for (Preprocessing preprocessing :
                new Preprocessing[] {
                    Preprocessing.torchvision().withChannels(2),
                    Preprocessing.exact(new ImageShape(2, 20, 31)),
                    null
                }) {
            Specification specification =
                    new Specification("d2l-resnet18", 2, new Classes(CLASSES), preprocessing);
            try (Network network = Network.create(specification, 9, Device.cpu())) {
                Checkpoint.save(file, network, null, Map.of());
            }
            try (Checkpoint checkpoint = Checkpoint.open(file);
                    Network copy = checkpoint.network(Device.cpu())) {
                assertEquals(specification, copy.specification());
                assertEquals(specification, checkpoint.specification());
                assertEquals(
                        preprocessing == null
                                ? JsonNull.INSTANCE
                                : JsonParser.parseString(preprocessing.toJson()),
                        description(checkpoint).get("preprocessing"));
            }
        }
    }

    @Test
    void recordsTheImageSize() throws IOException {
        Path file = dir.resolve("network.safetensors");
        Specification specification =
                new Specification(
                        "d2l-resnet18", 3, new Classes(CLASSES), Preprocessing.torchvision());
        try (Network network = Network.create(specification, 9, Device.cpu())) {
            Checkpoint.save(file, network, null, Map.of());
        }
        try (SafetensorsFile tensors = SafetensorsFile.read(file)) {
            JsonObject info =
                    JsonParser.parseString(tensors.metadata().get("py_djl_resnet"))
                            .getAsJsonObject();
            assertEquals(224, info.get("image_size").getAsInt());
            assertEquals(1, info.get("format").getAsInt());
        }
    }

    @Test
    void rejectsAnInvalidPreprocessing() throws IOException {
        Path file =
                write(
                        "{'format': 1, 'model': 'd2l-resnet18', 'in_channels': 1, 'class_names':"
                                + " ['a'], 'preprocessing': {'channels': 1, 'crop': {}}}");
        assertEquals(
                file
                        + " cannot be used. A preprocessing lacks \"crop.height\"."
                        + " Allowed: 1 or more.",
                assertThrows(UserException.class, () -> Checkpoint.open(file)).getMessage());
    }

    private static JsonObject description(Checkpoint checkpoint) {
        return JsonParser.parseString(checkpoint.describe()).getAsJsonObject();
    }
}
