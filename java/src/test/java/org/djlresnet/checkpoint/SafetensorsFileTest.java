package org.djlresnet.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.djlresnet.UserException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsFileTest {

    /**
     * From Python's safetensors 0.8.0: {@code safetensors.numpy.save({"fc.weight": float32 [[1,
     * -2.5, 3], [0, 1e-3, 7]], "b": int16 [-1, 300], "s": int64 5, "empty": uint8 (0, 3)},
     * metadata={"checksum": …})}, with the CRC-32C of the file with zeros for its digits, also
     * computed in Python.
     */
    static final String GOLDEN =
            "18010000000000007b225f5f6d657461646174615f5f223a7b22636865636b73756d223a22637263"
                    + "3332633a6263326337646334227d2c2273223a7b226474797065223a22493634222c227368617065"
                    + "223a5b5d2c22646174615f6f666673657473223a5b302c385d7d2c2266632e776569676874223a7b"
                    + "226474797065223a22463332222c227368617065223a5b322c335d2c22646174615f6f6666736574"
                    + "73223a5b382c33325d7d2c2262223a7b226474797065223a22493136222c227368617065223a5b32"
                    + "5d2c22646174615f6f666673657473223a5b33322c33365d7d2c22656d707479223a7b2264747970"
                    + "65223a225538222c227368617065223a5b302c335d2c22646174615f6f666673657473223a5b3336"
                    + "2c33365d7d7d202005000000000000000000803f000020c000004040000000006f12833a0000e040"
                    + "ffff2c01";

    @TempDir Path dir;

    private static ByteBuffer little(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static Tensor floats(String name, float... values) {
        ByteBuffer data = little(4 * values.length);
        data.asFloatBuffer().put(values);
        return new Tensor(name, Dtype.F32, new long[] {values.length}, data);
    }

    private static List<Tensor> goldenTensors() {
        ByteBuffer weight = little(24);
        weight.asFloatBuffer().put(new float[] {1, -2.5f, 3, 0, 1e-3f, 7});
        ByteBuffer b = little(4).putShort((short) -1).putShort((short) 300).flip();
        ByteBuffer s = little(8).putLong(5).flip();
        return List.of(
                new Tensor("fc.weight", Dtype.F32, new long[] {2, 3}, weight),
                new Tensor("b", Dtype.I16, new long[] {2}, b),
                new Tensor("s", Dtype.I64, new long[0], s),
                new Tensor("empty", Dtype.U8, new long[] {0, 3}, little(0)));
    }

    @Test
    void writesTheBytesOfPythonsSafetensors() throws IOException {
        Path file = dir.resolve("golden.safetensors");
        SafetensorsFile.write(file, Map.of(), goldenTensors());
        assertEquals(GOLDEN, HexFormat.of().formatHex(Files.readAllBytes(file)));
    }

    @Test
    void readsTheBytesOfPythonsSafetensors() throws IOException {
        Path file = Files.write(dir.resolve("python"), HexFormat.of().parseHex(GOLDEN));
        try (SafetensorsFile in = SafetensorsFile.read(file)) {
            assertEquals(
                    List.of("s", "fc.weight", "b", "empty"), List.copyOf(in.tensors().keySet()));
            TensorInfo weight = in.tensors().get("fc.weight");
            assertEquals(Dtype.F32, weight.dtype());
            assertArrayEquals(new long[] {2, 3}, weight.shape());
            float[] values = new float[6];
            in.data("fc.weight").asFloatBuffer().get(values);
            assertArrayEquals(new float[] {1, -2.5f, 3, 0, 1e-3f, 7}, values);
            assertTrue(in.data("fc.weight").isDirect());
            assertEquals(5, in.data("s").getLong());
            assertEquals(300, in.data("b").getShort(2));
            assertEquals(0, in.data("empty").remaining());
            assertTrue(in.verify());
        }
    }

    @Test
    void keepsMetadata() throws IOException {
        Path file = dir.resolve("meta.safetensors");
        Map<String, String> metadata = Map.of("recipe", "{\"a\": \"<é\\n\u0001'\"}", "step", "7");
        SafetensorsFile.write(file, metadata, List.of(floats("x", 1)));
        try (SafetensorsFile in = SafetensorsFile.read(file)) {
            assertEquals(metadata.get("recipe"), in.metadata().get("recipe"));
            assertEquals("7", in.metadata().get("step"));
            assertEquals(3, in.metadata().size());
        }
    }

    @Test
    void keepsReadingAReplacedFile() throws IOException {
        Path file = dir.resolve("last.safetensors");
        SafetensorsFile.write(file, Map.of(), List.of(floats("x", 1)));
        try (SafetensorsFile in = SafetensorsFile.read(file)) {
            SafetensorsFile.write(file, Map.of(), List.of(floats("y", 2, 3)));
            assertEquals(1f, in.data("x").getFloat());
            assertTrue(in.verify());
        }
        try (SafetensorsFile in = SafetensorsFile.read(file)) {
            assertEquals(3f, in.data("y").getFloat(4));
        }
    }

    @Test
    void detectsEveryFlippedBit() throws IOException {
        Path file = dir.resolve("flipped.safetensors");
        SafetensorsFile.write(file, Map.of("run", "{\"step\": 7, \"lr\": 0.05}"), goldenTensors());
        byte[] good = Files.readAllBytes(file);
        for (int bit = 0; bit < 8 * good.length; bit++) {
            byte[] bytes = good.clone();
            bytes[bit / 8] ^= (byte) (1 << bit % 8);
            Files.write(file, bytes);
            boolean whole;
            try (SafetensorsFile in = SafetensorsFile.read(file)) {
                whole = in.verify();
            } catch (UserException e) {
                assertTrue(e.getMessage().startsWith(file + " "), e.getMessage());
                continue;
            }
            // a flip in the key "checksum" makes it a file of another program, without checksum
            assertFalse(whole, "bit " + bit);
            assertTrue(bit / 8 >= 26 && bit / 8 < 34, "bit " + bit);
        }
    }
}
