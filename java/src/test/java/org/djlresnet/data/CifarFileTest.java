package org.djlresnet.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.djlresnet.UserException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CifarFileTest {

    @TempDir Path dir;

    /** Writes records of a label and the value of each plane: red, green, blue. */
    private Path file(String name, int[]... records) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(records.length * 3073);
        for (int[] record : records) {
            bytes.put((byte) record[0]);
            for (int at = 0; at < 3072; at++) {
                bytes.put((byte) (at % 1024 == 35 ? 99 : record[1 + at / 1024]));
            }
        }
        return Files.write(dir.resolve(name), bytes.array());
    }

    private static void assertRejects(Path file, int records, String... parts) {
        UserException e =
                assertThrows(UserException.class, () -> CifarFile.read(List.of(file), records));
        assertTrue(e.getMessage().startsWith(file.toString()), e.getMessage());
        for (String part : parts) {
            assertTrue(e.getMessage().contains(part), e.getMessage());
        }
    }

    @Test
    void readsLabelsAndPlanesOfSeveralFiles() throws IOException {
        Path first = file("1.bin", new int[] {7, 1, 2, 3}, new int[] {0, 4, 5, 6});
        Path second = file("2.bin", new int[] {9, 255, 128, 0}, new int[] {3, 7, 8, 9});
        CifarFile read = CifarFile.read(List.of(first, second), 2);
        assertArrayEquals(new int[] {7, 0, 9, 3}, read.labels());
        ByteBuffer pixels = read.pixels();
        assertTrue(pixels.isDirect());
        assertEquals(4 * 3072, pixels.remaining());
        int[] planes = {1, 2, 3, 4, 5, 6, 255, 128, 0, 7, 8, 9};
        for (int plane = 0; plane < planes.length; plane++) {
            assertEquals((byte) planes[plane], pixels.get(plane * 1024));
            assertEquals((byte) planes[plane], pixels.get(plane * 1024 + 1023));
            // row 1, column 3
            assertEquals(99, pixels.get(plane * 1024 + 32 + 3));
        }
    }

    @Test
    void rejectsFilesOfAnotherSize() throws IOException {
        Path file = file("data_batch_1.bin", new int[] {1, 0, 0, 0}, new int[] {2, 0, 0, 0});
        assertRejects(
                file,
                3,
                " is truncated. Received: 6146 bytes. Allowed: 9219, for 3 records of 3073 bytes.");
        assertRejects(file, 1, "too long", "Received: 6146 bytes. Allowed: 3073,");
        byte[] whole = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(whole, 6145));
        assertRejects(file, 2, "truncated", "Received: 6145 bytes. Allowed: 6146,");
        Files.write(file, new byte[0]);
        assertRejects(file, 2, "truncated", "Received: 0 bytes. Allowed: 6146,");
    }

    @Test
    void rejectsMissingAndIrregularFiles() {
        assertRejects(dir.resolve("none.bin"), 1, "does not exist");
        assertRejects(dir, 1, "not a regular file");
    }

    @Test
    void namesLfsPointers() throws IOException {
        String pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:07\nsize 9\n";
        Path file = Files.writeString(dir.resolve("data_batch_1.bin"), pointer);
        assertRejects(file, 1, "a Git LFS pointer", "git lfs pull");
    }

    @Test
    void rejectsLabelsOutOfRange() throws IOException {
        for (int label : new int[] {10, 128, 255}) {
            Path file = file("bad.bin", new int[] {9, 0, 0, 0}, new int[] {label, 0, 0, 0});
            assertRejects(file, 2, "record 1. Received: " + label + ". Allowed: 0 to 9.");
        }
    }
}
