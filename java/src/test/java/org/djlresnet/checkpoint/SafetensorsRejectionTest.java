package org.djlresnet.checkpoint;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
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
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.djlresnet.UserException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Invalid safetensors files, and files of other kinds. */
class SafetensorsRejectionTest {

    @TempDir Path dir;

    private Path file(String json, int dataBytes) throws IOException {
        return file(json.length(), json, dataBytes);
    }

    private Path file(long announced, String header, int dataBytes) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(8 + header.length() + dataBytes);
        bytes.order(ByteOrder.LITTLE_ENDIAN).putLong(announced).put(header.getBytes(UTF_8));
        return Files.write(dir.resolve("bad.safetensors"), bytes.array());
    }

    private static void assertRejected(Path file, String reason) {
        UserException e = assertThrows(UserException.class, () -> SafetensorsFile.read(file));
        String start = file + " is not a valid safetensors file: ";
        assertTrue(e.getMessage().startsWith(start), e.getMessage());
        assertTrue(e.getMessage().contains(reason), e.getMessage());
        assertTrue(e.getMessage().length() < start.length() + 510, "length of the message");
    }

    @Test
    void rejectsImpossibleSizes() throws IOException {
        assertRejected(Files.write(dir.resolve("short"), new byte[7]), "it has 7 bytes");
        assertRejected(file(3, "{}", 0), "it is truncated.");
        for (long announced : new long[] {-1, 1, 10_000_001}) {
            Path file = file(announced, " ".repeat(10_000_001), 0);
            UserException e = assertThrows(UserException.class, () -> SafetensorsFile.read(file));
            assertEquals(file + " is not a safetensors file.", e.getMessage());
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "[] | its header is not a JSON object of tensors",
                "{'x': | its header is not",
                "{'x': {'shape': [1], 'data_offsets': [0, 4]}} | its header is not",
                "{'x': {'dtype': 'F32', 'shape': [100000000000000000, 100000000000000000],"
                        + " 'data_offsets': [0, 4]}} | its header is not",
                "{'__metadata__': {'k': {}}} | its header is not",
                "{'x': {'dtype': 'F8_E4M3'}} | unsupported dtype of tensor 'x'. Received: F8_E4M3.",
                "{'\\u001b[31m': {'dtype': 'F33'}} | tensor '?[31m'.",
                "{'x': {'dtype': 'F32', 'shape': [1], 'data_offsets': [0, 3]}} | takes 4 bytes, but",
                "{'x': {'dtype': 'U8', 'shape': [4], 'data_offsets': [-4, 0]}} | data_offsets are",
                "{'x': {'dtype': 'F32', 'shape': [9], 'data_offsets': [0, 36]}} | the tensors take 36"
                        + " bytes, but the file has 4: it is truncated or damaged",
                "{'x': {'dtype': 'U8', 'shape': [4], 'data_offsets': [4, 8]}} | the tensors take 8",
                "{'x': {'dtype': 'U8', 'shape': [2], 'data_offsets': [0, 2]}} | the tensors take 2",
            })
    void rejectsAnInvalidHeader(String header, String reason) throws IOException {
        assertRejected(file(header.replace('\'', '"'), 4), reason.replace('\'', '"'));
    }

    @Test
    void rejectsDeepNesting() throws IOException {
        assertRejected(file("{\"x\":" + "[".repeat(1_000_000), 0), "its header is not");
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
                "a Git LFS pointer, not the file itself. Fetch it with: git lfs pull");
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
    void rejectsMissingFilesAndFolders() {
        Path none = dir.resolve("none");
        UserException e = assertThrows(UserException.class, () -> SafetensorsFile.read(none));
        assertEquals(none + " does not exist or is not accessible.", e.getMessage());
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
}
