package org.djlresnet.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.djlresnet.UserException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsFileTest {

    /**
     * Made with Python's safetensors 0.8.0: {@code safetensors.numpy.save({"fc.weight": float32
     * [[1, -2.5, 3], [0, 1e-3, 7]], "b": int16 [-1, 300], "s": int64 5, "empty": uint8 (0, 3)},
     * metadata={"checksum": …})}, the CRC-32C of the file with zeros for its digits computed in
     * Python too.
     */
    private static final String GOLDEN =
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
    void writesTheVeryBytesOfPython() throws IOException {
        Path file = dir.resolve("golden.safetensors");
        SafetensorsFile.write(file, Map.of(), goldenTensors());
        assertEquals(GOLDEN, HexFormat.of().formatHex(Files.readAllBytes(file)));
    }

    @Test
    void readsTheBytesOfPython() throws IOException {
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
    void metadataComeBackAsTheyWent() throws IOException {
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
    void readsOnFromTheOldFileWhenAnotherTakesItsPlace() throws IOException {
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
    void aFailedWriteLeavesTheOldFileAndNothingElse() throws IOException {
        Path file = dir.resolve("best.safetensors");
        SafetensorsFile.write(file, Map.of(), List.of(floats("x", 1)));
        byte[] before = Files.readAllBytes(file);
        List<Tensor> twice = List.of(floats("x", 1), floats("x", 2));
        assertThrows(
                IllegalArgumentException.class, () -> SafetensorsFile.write(file, Map.of(), twice));
        assertArrayEquals(before, Files.readAllBytes(file));

        Path folder = Files.createDirectories(dir.resolve("folder/inside")).getParent();
        IOException e =
                assertThrows(
                        IOException.class,
                        () -> SafetensorsFile.write(folder, Map.of(), List.of(floats("x", 1))));
        assertTrue(e.getMessage().startsWith(folder + " cannot be written: "), e.getMessage());
        try (Stream<Path> files = Files.list(dir)) {
            assertEquals(2, files.count());
        }
    }

    @Test
    void refusesTensorsThatDoNotFitTheirShape() {
        long[] shape = {3};
        assertThrows(
                IllegalArgumentException.class,
                () -> new Tensor("x", Dtype.F32, shape, little(11)));
        assertThrows(
                IllegalArgumentException.class,
                () -> new Tensor("__metadata__", Dtype.U8, shape, little(3)));
    }

    /** Whatever byte it is in: length, header, metadata, checksum, tensors. */
    @Test
    void everyFlippedBitIsNoticed() throws IOException {
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
                assertTrue(e.getMessage().startsWith(file + ": "), e.getMessage());
                continue;
            }
            // The key "checksum" itself: another program's file, which has none
            assertFalse(whole, "bit " + bit);
            assertTrue(bit / 8 >= 26 && bit / 8 < 34, "bit " + bit);
        }
    }

    @Test
    void aChecksumThatIsNotAtTheBeginningIsRefused() throws IOException {
        String metadata = "{\"__metadata__\":{\"a\":\"b\",\"checksum\":\"crc32c:00000000\"}}";
        for (String json : List.of(metadata, "{\"__metadata__\":{\"checksum\":\"\"}}")) {
            Path file = file(json, 0);
            try (SafetensorsFile in = SafetensorsFile.read(file)) {
                UserException e = assertThrows(UserException.class, in::verify);
                String start = file + ": the file's checksum is not at its beginning: ";
                assertTrue(e.getMessage().startsWith(start), e.getMessage());
            }
        }
    }

    @Test
    void noChecksumIsNotAnError() throws IOException {
        Path file = file("{}", 0);
        try (SafetensorsFile in = SafetensorsFile.read(file)) {
            assertFalse(in.verify());
        }
    }

    private Path file(String json, int dataBytes) throws IOException {
        byte[] header = json.getBytes(StandardCharsets.UTF_8);
        return file(header.length, header, dataBytes);
    }

    private Path file(long announced, byte[] header, int dataBytes) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(8 + header.length + dataBytes);
        bytes.order(ByteOrder.LITTLE_ENDIAN).putLong(announced).put(header);
        return Files.write(dir.resolve("bad.safetensors"), bytes.array());
    }

    private static void assertRefused(Path file, String reason) {
        UserException e = assertThrows(UserException.class, () -> SafetensorsFile.read(file));
        String start = file + ": not a sound safetensors file: ";
        assertTrue(e.getMessage().startsWith(start), e.getMessage());
        assertTrue(e.getMessage().contains(reason), e.getMessage());
        assertTrue(e.getMessage().length() < start.length() + 510, "length of the message");
    }

    private void assertHeaderRefused(String json, String reason) throws IOException {
        assertRefused(file(json, 4), reason);
    }

    private void assertTensorRefused(String tensor, String reason) throws IOException {
        assertHeaderRefused("{\"x\":" + tensor + "}", reason);
    }

    @Test
    void refusesImpossibleSizes() throws IOException {
        assertRefused(Files.write(dir.resolve("short"), new byte[7]), "it has 7 bytes");
        byte[] header = new byte[1016];
        assertRefused(file(10_000_000_000L, header, 0), "2 to 1016 bytes, received 10000000000");
        assertRefused(file(-1, header, 0), "received 18446744073709551615");
        assertRefused(file(1017, header, 0), "received 1017");
        assertRefused(file(0, header, 0), "received 0");
        byte[] longer = new byte[(int) SafetensorsFile.LONGEST_HEADER + 1];
        assertRefused(file(longer.length, longer, 0), "2 to 10000000 bytes, received 10000001");
    }

    @Test
    void refusesTensorsOf10GigabytesInASmallFile() throws IOException {
        assertTensorRefused(
                "{\"dtype\":\"F32\",\"shape\":[2500000000],\"data_offsets\":[0,10000000000]}",
                "the tensors take 10000000000 bytes, the file has 4");
    }

    @Test
    void refusesWhatIsNotAJsonObject() throws IOException {
        assertHeaderRefused("[]", "not a JSON object");
        assertHeaderRefused(" {}", "not a JSON object");
        assertHeaderRefused("{\"x\":", "not sound JSON");
        assertHeaderRefused("{\"x\"}", "not sound JSON");
        assertHeaderRefused("{'x':1}", "not sound JSON");
        assertRefused(file("{} {}", 0), "not sound JSON");
        byte[] invalid = {'{', '"', (byte) 0xc3, '"', '}'};
        assertRefused(file(invalid.length, invalid, 4), "not UTF-8");
    }

    @Test
    void deepNestingIsRefusedAtItsFirstLevel() throws IOException {
        String deep = "[".repeat(1_000_000);
        assertHeaderRefused("{\"x\":" + deep, "expected BEGIN_OBJECT, received BEGIN_ARRAY");
        assertHeaderRefused("{\"__metadata__\":{\"a\":" + deep, "expected STRING");
        assertHeaderRefused("{\"a\":".repeat(1_000_000), "unknown key \"a\"");
        assertTensorRefused("{\"shape\":" + deep, "expected NUMBER");
    }

    @Test
    void refusesDuplicates() throws IOException {
        String x = "\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}";
        assertHeaderRefused("{" + x + "," + x + "}", "\"x\" twice");
        assertHeaderRefused(
                "{\"__metadata__\":{},\"__metadata__\":{}," + x + "}", "\"__metadata__\" twice");
        assertHeaderRefused(
                "{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}," + x + "}", "\"k\" twice");
        assertTensorRefused("{\"dtype\":\"F32\",\"dtype\":\"F32\"}", "\"dtype\" twice");
    }

    @Test
    void refusesMetadataThatAreNotStrings() throws IOException {
        assertHeaderRefused("{\"__metadata__\":{\"k\":1}}", "expected STRING, received NUMBER");
        assertHeaderRefused("{\"__metadata__\":null}", "expected BEGIN_OBJECT, received NULL");
    }

    @Test
    void refusesBadEntries() throws IOException {
        assertTensorRefused("{\"dtype\":\"F33\"}", "received \"F33\"");
        assertTensorRefused("{\"dtype\":4}", "expected STRING, received NUMBER");
        assertTensorRefused("{\"dtype\":\"F32\",\"shape\":[1]}", "is missing");
        assertTensorRefused("{\"type\":\"F32\"}", "unknown key \"type\"");
        for (String number : List.of("-1", "1.0", "1e0", "9223372036854775808")) {
            assertTensorRefused("{\"shape\":[" + number + "]}", "received " + number);
        }
        assertTensorRefused("{\"shape\":[\"1\"]}", "expected NUMBER, received STRING");
        assertTensorRefused("{\"shape\":[" + "0,".repeat(1_000_000) + "0]}", "more than 64");
    }

    @Test
    void refusesSizesThatDisagree() throws IOException {
        String start = "{\"dtype\":\"F32\",\"shape\":";
        assertTensorRefused(start + "[1],\"data_offsets\":[0,3]}", "takes 4 bytes");
        assertTensorRefused(start + "[1],\"data_offsets\":[4,0]}", "a begin and an end");
        assertTensorRefused(start + "[1],\"data_offsets\":[0,4,8]}", "a begin and an end");
        String big = "100000000000000000";
        String product = "[" + big + "," + big + "]";
        assertTensorRefused(start + product + ",\"data_offsets\":[0,4]}", "overflows");
        // 2^32 · 2^30 · 4 is 0 modulo 2^64
        String wraps = "[4294967296,1073741824]";
        assertTensorRefused(start + wraps + ",\"data_offsets\":[0,0]}", "overflows");
    }

    @Test
    void refusesHolesOverlapsAndWrongLengths() throws IOException {
        assertRefused(
                two(0, 4, 5, 9, 9), "\"b\" begins at 5, but the one before it ends at 4: a hole");
        assertRefused(two(0, 4, 3, 7, 7), "an overlap");
        assertRefused(two(0, 4, 0, 4, 4), "an overlap");
        assertRefused(two(4, 8, 8, 12, 12), "a hole");
        assertRefused(two(0, 4, 4, 8, 9), "take 8 bytes, the file has 9");
        assertRefused(two(0, 4, 4, 8, 7), "take 8 bytes, the file has 7");
        try (SafetensorsFile in = SafetensorsFile.read(two(4, 8, 0, 4, 8))) {
            assertEquals(2, in.tensors().size());
        }
    }

    private Path two(int a, int aEnd, int b, int bEnd, int dataBytes) throws IOException {
        String entry = "{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[%d,%d]}";
        String json =
                "{\"a\":"
                        + entry.formatted(aEnd - a, a, aEnd)
                        + ",\"b\":"
                        + entry.formatted(bEnd - b, b, bEnd)
                        + "}";
        return file(json, dataBytes);
    }

    @Test
    void anyTruncationIsRefused() throws IOException {
        byte[] good = HexFormat.of().parseHex(GOLDEN);
        Path file = dir.resolve("cut");
        for (int length = 0; length < good.length; length++) {
            Files.write(file, Arrays.copyOf(good, length));
            assertRefused(file, "");
        }
    }

    @Test
    void messagesCarryNoControlCharacters() throws IOException {
        Path file = file("{\"\\u001b[31m\":{\"dtype\":\"F33\"}}", 0);
        UserException e = assertThrows(UserException.class, () -> SafetensorsFile.read(file));
        assertTrue(e.getMessage().endsWith("in tensor \"?[31m\""), e.getMessage());
    }

    @Test
    void refusesWhatIsNoFile() {
        Path none = dir.resolve("none");
        UserException e = assertThrows(UserException.class, () -> SafetensorsFile.read(none));
        assertEquals(none + ": no such file", e.getMessage());
        assertThrows(UserException.class, () -> SafetensorsFile.read(dir));
    }
}
