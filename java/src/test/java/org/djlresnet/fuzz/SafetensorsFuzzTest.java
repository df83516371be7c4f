package org.djlresnet.fuzz;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.checkpoint.SafetensorsFile;
import org.djlresnet.checkpoint.Tensor;
import org.djlresnet.checkpoint.TensorInfo;

/** Any file is read as a safetensors file that survives a round trip, or rejected. */
class SafetensorsFuzzTest {

    private static final FuzzFile FILE = new FuzzFile("fuzzed.safetensors");
    private static final FuzzFile AGAIN = new FuzzFile("again.safetensors");

    @FuzzTest(maxDuration = "10m")
    void file(byte[] file) throws IOException {
        List<Tensor> tensors = FILE.readOrReject(file, path -> tensors(path, file.length));
        FILE.readOrReject(
                path -> {
                    try (Checkpoint checkpoint = Checkpoint.open(path)) {
                        return checkpoint.describe();
                    }
                });
        if (tensors == null) {
            return;
        }
        try (SafetensorsFile read = SafetensorsFile.read(FILE.path())) {
            Map<String, String> metadata = new LinkedHashMap<>(read.metadata());
            metadata.remove(SafetensorsFile.CHECKSUM);
            SafetensorsFile.write(AGAIN.path(), metadata, tensors);
            try (SafetensorsFile again = SafetensorsFile.read(AGAIN.path())) {
                assertTrue(again.verify());
                Map<String, String> kept = new LinkedHashMap<>(again.metadata());
                kept.remove(SafetensorsFile.CHECKSUM);
                assertEquals(metadata, kept);
                assertEquals(read.tensors().keySet(), again.tensors().keySet());
                for (String name : read.tensors().keySet()) {
                    assertEquals(
                            read.tensors().get(name).dtype(), again.tensors().get(name).dtype());
                    assertArrayEquals(
                            read.tensors().get(name).shape(), again.tensors().get(name).shape());
                    assertEquals(read.data(name), again.data(name));
                }
            }
        }
    }

    /** A fuzzed header with its right length, followed by eight bytes. */
    @FuzzTest(maxDuration = "10m")
    void header(byte[] header) throws IOException {
        ByteBuffer file = ByteBuffer.allocate(8 + header.length + 8).order(ByteOrder.LITTLE_ENDIAN);
        file(file.putLong(header.length).put(header).array());
    }

    /** Any metadata with a correct checksum are read as a checkpoint's, or rejected. */
    @FuzzTest(maxDuration = "10m")
    void metadata(byte[] metadata) throws IOException {
        String text = new String(metadata, StandardCharsets.UTF_8);
        SafetensorsFile.write(FILE.path(), Map.of("py_djl_resnet", text), List.of());
        FILE.readOrReject(
                path -> {
                    try (Checkpoint checkpoint = Checkpoint.open(path)) {
                        assertTrue(checkpoint.specification().channels() > 0);
                        assertTrue(checkpoint.optimizerState().isEmpty());
                        assertEquals(
                                checkpoint.run() != null,
                                checkpoint.describe().contains("\"history\":"));
                        return checkpoint;
                    }
                });
    }

    private static List<Tensor> tensors(Path path, int length) {
        try (SafetensorsFile read = SafetensorsFile.read(path)) {
            List<Tensor> tensors = new ArrayList<>();
            long bytes = 0;
            for (TensorInfo info : read.tensors().values()) {
                ByteBuffer data = read.data(info.name());
                bytes += data.remaining();
                tensors.add(new Tensor(info.name(), info.dtype(), info.shape(), data));
            }
            assertTrue(bytes < length);
            return tensors;
        }
    }
}
