package org.djlresnet.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.checkpoint.Dtype;
import org.djlresnet.checkpoint.SafetensorsFile;
import org.djlresnet.checkpoint.Tensor;
import org.djlresnet.image.Preprocessing;

/** Any metadata with a correct checksum are read as a checkpoint's, or rejected. */
class CheckpointFuzzTest {

    private static final FuzzFile FILE = new FuzzFile("fuzzed.safetensors");

    @FuzzTest(maxDuration = "10m")
    void metadata(byte[] metadata) throws IOException {
        SafetensorsFile.write(
                FILE.path(),
                Map.of("py_djl_resnet", new String(metadata, StandardCharsets.UTF_8)),
                List.of(
                        new Tensor(
                                "optimizer/momentum/fc.bias",
                                Dtype.F32,
                                new long[] {2},
                                ByteBuffer.allocate(8))));
        FILE.readOrReject(
                path -> {
                    try (Checkpoint checkpoint = Checkpoint.open(path)) {
                        return assertSound(checkpoint);
                    }
                });
    }

    private static JsonObject assertSound(Checkpoint checkpoint) {
        assertTrue(checkpoint.inChannels() > 0);
        assertFalse(checkpoint.classNames().isEmpty());
        Preprocessing preprocessing = checkpoint.preprocessing();
        assertTrue(preprocessing == null || preprocessing.channels() == checkpoint.inChannels());
        assertEquals(
                List.of("momentum/fc.bias"), List.copyOf(checkpoint.optimizerState().keySet()));
        JsonObject described = JsonParser.parseString(checkpoint.describe()).getAsJsonObject();
        assertEquals(checkpoint.model(), described.get("model").getAsString());
        assertEquals(checkpoint.classNames().size(), described.get("classes").getAsInt());
        assertEquals(checkpoint.run() != null, described.has("history"));
        return described;
    }
}
