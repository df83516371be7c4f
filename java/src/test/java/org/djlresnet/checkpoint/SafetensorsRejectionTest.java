package org.djlresnet.checkpoint;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.djlresnet.UserException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Invalid safetensors files, and files of other kinds. */
class SafetensorsRejectionTest {

    @TempDir Path dir;

    private Path file(String json, int dataBytes) throws IOException {
        byte[] header = json.getBytes(UTF_8);
        return file(header.length, header, dataBytes);
    }

    private Path file(long announced, byte[] header, int dataBytes) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(8 + header.length + dataBytes);
        bytes.order(ByteOrder.LITTLE_ENDIAN).putLong(announced).put(header);
        return Files.write(dir.resolve("bad.safetensors"), bytes.array());
    }

    private static void assertRejected(Path file, String reason) {
        UserException e = assertThrows(UserException.class, () -> SafetensorsFile.read(file));
        String start = file + " is not a valid safetensors file: ";
        assertTrue(e.getMessage().startsWith(start), e.getMessage());
        assertTrue(e.getMessage().contains(reason), e.getMessage());
        assertTrue(e.getMessage().length() < start.length() + 510, "length of the message");
    }

    private void assertHeaderRejected(String json, String reason) throws IOException {
        assertRejected(file(json, 4), reason);
    }

    private void assertTensorRejected(String tensor, String reason) throws IOException {
        assertHeaderRejected("{\"x\":" + tensor + "}", reason);
    }

    @Test
    void rejectsImpossibleSizes() throws IOException {
        assertRejected(Files.write(dir.resolve("short"), new byte[7]), "it has 7 bytes");
        byte[] header = new byte[1016];
        assertRejected(file(10_000_000_000L, header, 0), "2 to 1016 bytes, not 10000000000");
        assertRejected(file(-1, header, 0), "not 18446744073709551615");
        assertRejected(file(1017, header, 0), "not 1017");
        assertRejected(file(0, header, 0), "not 0");
        byte[] longer = new byte[(int) SafetensorsFile.LONGEST_HEADER + 1];
        assertRejected(file(longer.length, longer, 0), "2 to 10000000 bytes, not 10000001");
    }

    @Test
    void rejectsTensorsLargerThanTheFile() throws IOException {
        assertTensorRejected(
                "{\"dtype\":\"F32\",\"shape\":[2500000000],\"data_offsets\":[0,10000000000]}",
                "the tensors take 10000000000 bytes, but the file has 4");
    }

    @Test
    void rejectsAHeaderThatIsNotAJsonObject() throws IOException {
        assertHeaderRejected("[]", "not a JSON object");
        assertHeaderRejected(" {}", "not a JSON object");
        assertHeaderRejected("{\"x\":", "not valid JSON");
        assertHeaderRejected("{\"x\"}", "not valid JSON");
        assertHeaderRejected("{'x':1}", "not valid JSON");
        assertRejected(file("{} {}", 0), "not valid JSON");
        byte[] invalid = {'{', '"', (byte) 0xc3, '"', '}'};
        assertRejected(file(invalid.length, invalid, 4), "not UTF-8");
    }

    @Test
    void rejectsDeepNestingAtItsFirstLevel() throws IOException {
        String deep = "[".repeat(1_000_000);
        assertHeaderRejected("{\"x\":" + deep, "expected BEGIN_OBJECT, found BEGIN_ARRAY");
        assertHeaderRejected("{\"__metadata__\":{\"a\":" + deep, "expected STRING");
        assertHeaderRejected("{\"a\":".repeat(1_000_000), "unknown key \"a\"");
        assertTensorRejected("{\"shape\":" + deep, "expected NUMBER");
    }

    @Test
    void rejectsDuplicateNames() throws IOException {
        String x = "\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}";
        assertHeaderRejected("{" + x + "," + x + "}", "\"x\" twice");
        assertHeaderRejected(
                "{\"__metadata__\":{},\"__metadata__\":{}," + x + "}", "\"__metadata__\" twice");
        assertHeaderRejected(
                "{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}," + x + "}", "\"k\" twice");
    }

    @Test
    void rejectsMetadataThatAreNotStrings() throws IOException {
        assertHeaderRejected("{\"__metadata__\":{\"k\":1}}", "expected STRING, found NUMBER");
        assertHeaderRejected("{\"__metadata__\":null}", "expected BEGIN_OBJECT, found NULL");
    }

    @Test
    void rejectsInvalidEntries() throws IOException {
        assertTensorRejected("{\"dtype\":\"F33\"}", "not \"F33\"");
        assertTensorRejected("{\"dtype\":4}", "expected STRING, found NUMBER");
        assertTensorRejected("{\"dtype\":\"F32\",\"shape\":[1]}", "is missing");
        assertTensorRejected("{\"type\":\"F32\"}", "unknown key \"type\"");
        for (String number : List.of("-1", "1.0", "1e0", "9223372036854775808")) {
            assertTensorRejected("{\"shape\":[" + number + "]}", "not " + number);
        }
        assertTensorRejected("{\"shape\":[\"1\"]}", "expected NUMBER, found STRING");
        assertTensorRejected("{\"shape\":[" + "0,".repeat(1_000_000) + "0]}", "more than 64");
    }

    @Test
    void rejectsContradictorySizes() throws IOException {
        String start = "{\"dtype\":\"F32\",\"shape\":";
        assertTensorRejected(start + "[1],\"data_offsets\":[0,3]}", "takes 4 bytes");
        assertTensorRejected(start + "[1],\"data_offsets\":[4,0]}", "a begin and an end");
        assertTensorRejected(start + "[1],\"data_offsets\":[0,4,8]}", "a begin and an end");
        String big = "100000000000000000";
        String product = "[" + big + "," + big + "]";
        assertTensorRejected(start + product + ",\"data_offsets\":[0,4]}", "overflows");
        // 2^32 · 2^30 · 4 is 0 modulo 2^64
        String wraps = "[4294967296,1073741824]";
        assertTensorRejected(start + wraps + ",\"data_offsets\":[0,0]}", "overflows");
    }

    @Test
    void rejectsHolesOverlapsAndWrongLengths() throws IOException {
        assertRejected(
                two(0, 4, 5, 9, 9), "\"b\" begins at 5, but the one before it ends at 4: a hole");
        assertRejected(two(0, 4, 3, 7, 7), "an overlap");
        assertRejected(two(0, 4, 0, 4, 4), "an overlap");
        assertRejected(two(4, 8, 8, 12, 12), "a hole");
        assertRejected(two(0, 4, 4, 8, 9), "take 8 bytes, but the file has 9");
        assertRejected(two(0, 4, 4, 8, 7), "take 8 bytes, but the file has 7");
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
    void rejectsEveryTruncation() throws IOException {
        byte[] good = HexFormat.of().parseHex(SafetensorsFileTest.GOLDEN);
        Path file = dir.resolve("cut");
        for (int length = 0; length < good.length; length++) {
            Files.write(file, Arrays.copyOf(good, length));
            assertRejected(file, "");
        }
    }

    @Test
    void removesControlCharactersFromMessages() throws IOException {
        Path file = file("{\"\\u001b[31m\":{\"dtype\":\"F33\"}}", 0);
        UserException e = assertThrows(UserException.class, () -> SafetensorsFile.read(file));
        assertTrue(e.getMessage().endsWith("in tensor \"?[31m\"."), e.getMessage());
    }

    private void assertForeign(byte[] content, String expected) throws IOException {
        Path file = Files.write(dir.resolve("foreign.pth"), content);
        UserException e = assertThrows(UserException.class, () -> SafetensorsFile.read(file));
        assertTrue(e.getMessage().startsWith(file + " is " + expected), e.getMessage());
    }

    private static byte[] zip(String... names) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            for (String name : names) {
                zip.putNextEntry(new ZipEntry(name));
            }
        }
        return bytes.toByteArray();
    }

    @Test
    void namesFilesOfOtherKinds() throws IOException {
        String pointer =
                "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 44000000\n";
        assertForeign(
                pointer.getBytes(UTF_8),
                "a Git LFS pointer, not the file itself. Download the file with: git lfs pull");
        assertForeign("\n<!DOCTYPE html><html>".getBytes(UTF_8), "an HTML page");
        assertForeign("\ufeff<HTML lang=\"en\">".getBytes(UTF_8), "an HTML page");
        String index =
                "{\"metadata\": {}, \"weight_map\": {\"fc.weight\": \"m-1-of-2.safetensors\"}}";
        assertForeign(index.getBytes(UTF_8), "the index of weights in several files");
        assertForeign(zip("fc.weight.npy"), "a NumPy archive (.npz). ");
        assertForeign(zip("net/data.pkl", "net/code/__torch__.py"), "a TorchScript program. ");
        assertForeign(zip("net/data.pkl", "net/data/0"), "a pickle, as written by torch.save. ");
        assertForeign(zip("readme.txt"), "a ZIP archive. ");
        assertForeign("PK\u0003\u0004 damaged".getBytes(UTF_8), "a damaged ZIP archive. ");
        assertForeign(HexFormat.of().parseHex("80024d6f7265206c61796572730a"), "a pickle");
        assertForeign(HexFormat.of().parseHex("934e554d5059010076007b27"), "a single NumPy array");
        assertForeign(HexFormat.of().parseHex("894844460d0a1a0a00000000"), "an HDF5 file");
        assertForeign("{\n  \"epochs\": 10}".getBytes(UTF_8), "a JSON file, not weights");
    }

    @Test
    void messagesHaveAsciiDigitsInEveryLocale() throws IOException {
        Locale before = Locale.getDefault();
        Path wrongLength = two(0, 4, 4, 8, 9);
        try {
            Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
            assertRejected(Files.write(dir.resolve("short"), new byte[7]), "it has 7 bytes");
            assertRejected(wrongLength, "take 8 bytes, but the file has 9");
        } finally {
            Locale.setDefault(before);
        }
    }

    @Test
    void rejectsMissingFilesAndFolders() {
        Path none = dir.resolve("none");
        UserException e = assertThrows(UserException.class, () -> SafetensorsFile.read(none));
        assertEquals(none + " does not exist.", e.getMessage());
        assertThrows(UserException.class, () -> SafetensorsFile.read(dir));
    }

    @Test
    void rejectsAChecksumElsewhere() throws IOException {
        String metadata = "{\"__metadata__\":{\"a\":\"b\",\"checksum\":\"crc32c:00000000\"}}";
        for (String json : List.of(metadata, "{\"__metadata__\":{\"checksum\":\"\"}}")) {
            Path file = file(json, 0);
            try (SafetensorsFile in = SafetensorsFile.read(file)) {
                UserException e = assertThrows(UserException.class, in::verify);
                String start = file + " does not begin with its checksum: ";
                assertTrue(e.getMessage().startsWith(start), e.getMessage());
            }
        }
    }

    @Test
    void acceptsAFileWithoutChecksum() throws IOException {
        Path file = file("{}", 0);
        try (SafetensorsFile in = SafetensorsFile.read(file)) {
            assertFalse(in.verify());
        }
    }
}
