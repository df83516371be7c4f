package org.djlresnet.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.djlresnet.QuadrantImages;
import org.djlresnet.UserException;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.D2lResNet18;
import org.djlresnet.model.Network;
import org.djlresnet.model.StateDict;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("engine")
class CheckpointTest {

    private static final List<String> CLASSES = List.of("a", "b", "ß \"\\");

    /** The metadata that save() writes, except the image size, with single quotes. */
    private static final String VALID =
            "{'format': 1, 'model': 'd2l-resnet18', 'in_channels': 1, 'class_names': ['a', 'b',"
                    + " 'c'], 'preprocessing': null, 'versions': {'engine': 'PyTorch'},"
                    + " 'batches_tracked': {}, 'run': null}";

    @TempDir Path dir;

    private static float[] logits(Network network) {
        EngineTraits.of(network.manager().getEngine()).disableRecording();
        try (NDManager manager = network.manager().newSubManager()) {
            NDArray images =
                    manager.create(
                            QuadrantImages.floats(QuadrantImages.of(4, 1)),
                            new Shape(2, 2, 8, 8),
                            DataType.FLOAT32);
            return network.forward(images, false).toFloatArray();
        }
    }

    private static Network network() {
        return Network.create("d2l-resnet18", 2, CLASSES, 9, Device.cpu());
    }

    private static Tensor zero(String name) {
        return new Tensor(name, Dtype.F32, new long[] {1}, ByteBuffer.allocateDirect(4));
    }

    private Path write(String info, List<Tensor> tensors) throws IOException {
        Path file = dir.resolve("made.safetensors");
        SafetensorsFile.write(file, Map.of("py_djl_resnet", info.replace('\'', '"')), tensors);
        return file;
    }

    private static String rejection(Path file) {
        return assertThrows(UserException.class, () -> read(file)).getMessage();
    }

    private static void read(Path file) {
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            checkpoint.network(Device.cpu()).close();
        }
    }

    @Test
    void loadedNetworkHasEqualLogits() throws IOException {
        Path file = dir.resolve("network.safetensors");
        float[] expected;
        try (Network network = network()) {
            // differ from the initial values, so the test fails if they are not loaded
            EngineTraits.of(network.manager().getEngine()).disableRecording();
            network.parameters().get("bn1.running_mean").getArray().addi(0.25f);
            network.parameters().get("layer2.0.bn1.running_var").getArray().addi(0.5f);
            network.parameters().get("fc.bias").getArray().addi(1.5f);
            expected = logits(network);
            Checkpoint.save(file, network, null, Map.of());
        }
        Network copy;
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            copy = checkpoint.network(Device.cpu());
        }
        try (copy) {
            assertArrayEquals(expected, logits(copy));
            assertEquals(CLASSES, copy.classNames());
            assertEquals(2, copy.inChannels());
            assertEquals("d2l-resnet18", copy.model());
        }
    }

    @Test
    void containsTheRunAndTheOptimizersState() throws IOException {
        Path file = dir.resolve("last.safetensors");
        JsonObject run =
                JsonParser.parseString(
                                "{'recipe': {'lr': 0.5}, 'epoch': 3, 'step': 12,"
                                        + " 'best': null, 'history': [{'epoch': 1}],"
                                        + " 'partial': {'examples': 4}}")
                        .getAsJsonObject();
        try (Network network = network()) {
            EngineTraits.of(network.manager().getEngine()).disableRecording();
            NDArray momentum = network.manager().create(new float[] {1, -2});
            Checkpoint.save(file, network, run.toString(), Map.of("momentum/fc.bias", momentum));
        }
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            JsonObject description =
                    JsonParser.parseString(checkpoint.describe()).getAsJsonObject();
            assertEquals(
                    List.of(
                            "model",
                            "in_channels",
                            "classes",
                            "class_names",
                            "image_size",
                            "preprocessing",
                            "recipe",
                            "epoch",
                            "step",
                            "best",
                            "history"),
                    List.copyOf(description.keySet()));
            assertEquals(3, description.get("classes").getAsInt());
            assertEquals(12, description.get("step").getAsInt());
            assertEquals("[{\"epoch\":1}]", description.get("history").toString());
            // the network ignores the optimizer's state
            checkpoint.network(Device.cpu()).close();
        }
        try (SafetensorsFile tensors = SafetensorsFile.read(file)) {
            ByteBuffer momentum = tensors.data("optimizer/momentum/fc.bias");
            assertEquals(1f, momentum.getFloat());
            assertEquals(-2f, momentum.getFloat());
            JsonObject info =
                    JsonParser.parseString(tensors.metadata().get("py_djl_resnet"))
                            .getAsJsonObject();
            assertEquals(1, info.get("format").getAsInt());
            assertEquals(
                    Engine.getInstance().getEngineName(),
                    info.getAsJsonObject("versions").get("engine").getAsString());
            assertEquals(
                    4,
                    info.getAsJsonObject("run")
                            .getAsJsonObject("partial")
                            .get("examples")
                            .getAsInt());
        }
    }

    @Test
    void listsMissingAndUnexpectedTensors() throws IOException {
        // two missing and two unexpected
        List<Tensor> tensors = new ArrayList<>();
        StateDict.of(new D2lResNet18(3)).keySet().stream()
                .filter(name -> !List.of("conv1.bias", "layer4.1.bn2.running_var").contains(name))
                .forEach(name -> tensors.add(zero(name)));
        tensors.add(zero("layer9.weight"));
        tensors.add(zero("bn1.num_batches_tracked"));
        Path file = write(VALID, tensors);
        assertEquals(
                file
                        + " does not contain the tensors of a d2l-resnet18: 2 missing: conv1.bias,"
                        + " layer4.1.bn2.running_var; 2 unexpected: layer9.weight,"
                        + " bn1.num_batches_tracked",
                rejection(file));
    }

    private static List<Tensor> allMisshapen() {
        return StateDict.of(new D2lResNet18(3)).keySet().stream()
                .map(CheckpointTest::zero)
                .toList();
    }

    @Test
    void listsTensorsOfOtherShapesOrTypes() throws IOException {
        List<Tensor> tensors = new ArrayList<>(allMisshapen());
        tensors.removeIf(tensor -> tensor.name().equals("conv1.bias"));
        tensors.add(
                new Tensor(
                        "conv1.bias", Dtype.I32, new long[] {64}, ByteBuffer.allocateDirect(256)));
        String message = rejection(write(VALID, tensors));
        assertTrue(
                message.contains(
                        "conv1.weight is F32 [1], not F32 [64, 1, 7, 7], conv1.bias is I32 [64],"
                                + " not F32 [64], bn1.weight is F32 [1], not F32 [64]"),
                message);
        assertTrue(message.contains(" more"), message);
    }

    @Test
    void allocatesNothingForWrongChannels() throws IOException {
        int channels = Integer.MAX_VALUE;
        String info = VALID.replace("'in_channels': 1", "'in_channels': " + channels);
        String message = rejection(write(info, allMisshapen()));
        assertTrue(
                message.contains("conv1.weight is F32 [1], not F32 [64, " + channels + ", 7, 7]"),
                message);
    }

    @Test
    void rejectsAFileOfAnotherProgram() throws IOException {
        Path file = dir.resolve("other.safetensors");
        SafetensorsFile.write(file, Map.of("format", "pt"), List.of(zero("conv1.weight")));
        assertEquals(
                file
                        + " is a safetensors file, but not a checkpoint of py_djl_resnet: its metadata"
                        + " lacks \"py_djl_resnet\". Import it first: py-djl-resnet import FILE"
                        + " --model NAME --out NEW.safetensors",
                rejection(file));
    }

    @Test
    void rejectsAnotherFormat() throws IOException {
        Path file = write(VALID.replace("'format': 1", "'format': 2"), List.of());
        assertEquals(
                file + " cannot be used. Unsupported checkpoint format. Received: 2. Allowed: 1.",
                rejection(file));
    }

    @Test
    void rejectsAnUnknownModel() throws IOException {
        Path file = write(VALID.replace("d2l-resnet18", "d2l-resnet81"), List.of());
        String message = rejection(file);
        assertTrue(
                message.startsWith(
                        file
                                + " cannot be used. Unknown model. Received: 'd2l-resnet81'. Did you mean 'd2l-resnet18'?"),
                message);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{}",
                "{'format': [1, 2]}",
                "model: {}",
                "in_channels: 'x'",
                "class_names: 'abc'",
                "class_names: [null]",
                "versions: {}",
                "versions: null",
                "batches_tracked: null",
                "preprocessing: 28",
                "run: []",
            })
    void rejectsInvalidMetadata(String change) throws IOException {
        String info = change;
        if (change.matches("[a-z_]+: .*")) {
            String[] entry = change.split(": ", 2);
            JsonObject changed = JsonParser.parseString(VALID.replace('\'', '"')).getAsJsonObject();
            changed.add(entry[0], JsonParser.parseString(entry[1].replace('\'', '"')));
            info = changed.toString();
        }
        Path file = write(info, List.of());
        assertEquals(file + " has invalid metadata. Use another copy.", rejection(file));
    }

    @Test
    void detectsDamage() throws IOException {
        Path file = write(VALID, allMisshapen());
        byte[] bytes = Files.readAllBytes(file);

        Files.write(file, Arrays.copyOf(bytes, bytes.length - 1));
        assertTrue(rejection(file).startsWith(file + " is not a valid safetensors file: "));
        Files.write(file, Arrays.copyOf(bytes, 100));
        assertTrue(rejection(file).startsWith(file + " is not a valid safetensors file: "));
        Files.write(file, new byte[0]);
        assertTrue(rejection(file).startsWith(file + " is not a valid safetensors file: "));

        bytes[bytes.length - 1] ^= 1;
        Files.write(file, bytes);
        assertTrue(rejection(file).startsWith(file + " is damaged: "), rejection(file));
        assertEquals(
                dir.resolve("none") + " does not exist or is not accessible.",
                rejection(dir.resolve("none")));
    }

    @Test
    void rejectsACheckpointWithoutChecksum() throws IOException {
        Path file = write(VALID, List.of());
        String content = Files.readString(file, StandardCharsets.ISO_8859_1);
        content = content.replace("\"checksum\"", "\"chocksum\"");
        Files.writeString(file, content, StandardCharsets.ISO_8859_1);
        assertTrue(rejection(file).startsWith(file + " has no checksum: "), rejection(file));
    }
}
