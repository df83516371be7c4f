package org.djlresnet.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.djlresnet.UserException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IdxFileTest {

    @TempDir Path dir;

    private void assertRejects(Path file, String... parts) {
        UserException e = assertThrows(UserException.class, () -> IdxFile.readImages(file));
        assertTrue(e.getMessage().startsWith(file.toString()), e.getMessage());
        for (String part : parts) {
            assertTrue(e.getMessage().contains(part), e.getMessage());
        }
    }

    private Path file(byte[] content, int... header) throws IOException {
        return IdxFiles.write(dir.resolve("images.gz"), content, header);
    }

    @Test
    void readsImagesAndTheirMd5() throws IOException {
        IdxFile images = IdxFile.readImages(file(new byte[] {1, 2, 3, -1}, 2051, 2, 1, 2));
        assertEquals(2, images.count());
        assertEquals(1, images.height());
        assertEquals(2, images.width());
        byte[] pixels = new byte[4];
        images.data().get(pixels);
        assertArrayEquals(new byte[] {1, 2, 3, -1}, pixels);
        assertTrue(images.data().isDirect());
        // printf '\0\0\x08\x03\0\0\0\x02\0\0\0\x01\0\0\0\x02\x01\x02\x03\xff' | md5sum
        assertEquals("3517339de1e8816df6d45a5188beeaac", images.md5());
    }

    @Test
    void readsLabels() throws IOException {
        IdxFile labels = IdxFile.readLabels(file(new byte[] {0, 9, -1}, 2049, 3));
        assertArrayEquals(new int[] {0, 9, 255}, labels.toIntArray());
    }

    @Test
    void rejectsMissingAndIrregularFiles() {
        assertRejects(dir.resolve("none.gz"), "does not exist");
        assertRejects(dir, "not a regular file");
    }

    @Test
    void rejectsPipes() throws IOException, InterruptedException {
        Path pipe = dir.resolve("pipe");
        assumeTrue(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor() == 0);
        assertRejects(pipe, "not a regular file");
    }

    @Test
    void readsUncompressedFilesUnderAnyName() throws IOException {
        byte[] content = IdxFiles.idx(new byte[] {1, 2, 3, -1}, 2051, 2, 1, 2);
        IdxFile compressed = IdxFile.readImages(file(new byte[] {1, 2, 3, -1}, 2051, 2, 1, 2));
        for (String name : new String[] {"images.idx3-ubyte", "images.gz"}) {
            IdxFile plain = IdxFile.readImages(Files.write(dir.resolve(name), content));
            assertEquals(compressed.data(), plain.data());
            assertEquals(compressed.md5(), plain.md5());
        }
        for (int length = 0; length < content.length; length++) {
            Path cut = Files.write(dir.resolve("cut"), Arrays.copyOf(content, length));
            assertRejects(cut, "truncated");
        }
        Path longer = Files.write(dir.resolve("longer"), Arrays.copyOf(content, 21));
        assertRejects(longer, "more than the 4 bytes");
    }

    @Test
    void namesNestedGzipAndLfsPointers() throws IOException {
        byte[] content = IdxFiles.idx(new byte[2], 2051, 1, 1, 2);
        byte[] nested = IdxFiles.gzip(IdxFiles.gzip(content));
        Path file = Files.write(dir.resolve("nested.gz"), nested);
        assertRejects(file, "a gzip file inside another gzip file. Decompress it once.");
        String pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:07\nsize 9\n";
        file = Files.writeString(dir.resolve("pointer.gz"), pointer);
        assertRejects(file, "a Git LFS pointer", "git lfs pull");
    }

    @Test
    void rejectsTruncation() throws IOException {
        byte[] whole = Files.readAllBytes(file(new byte[] {5, 6, 7, 8}, 2051, 2, 1, 2));
        for (int length = 0; length < whole.length; length++) {
            Path cut = Files.write(dir.resolve("cut.gz"), Arrays.copyOf(whole, length));
            assertRejects(cut, "truncated");
        }
    }

    @Test
    void rejectsDamage() throws IOException {
        Path file = file(new byte[] {5, 6, 7, 8}, 2051, 2, 1, 2);
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length - 7] ^= 1;
        Files.write(file, bytes);
        assertRejects(file, "a damaged gzip file");
    }

    @Test
    void rejectsLabelsInPlaceOfImages() throws IOException {
        assertRejects(
                file(new byte[2], 2049, 2),
                "not an IDX file of images. Received: magic number 2049. Allowed: 2051.");
    }

    @Test
    void rejectsLengthsOutOfRange() throws IOException {
        assertRejects(
                file(new byte[0], 2051, 0, 28, 28),
                "invalid length for dimension 0 in its header. Received: 0.");
        assertRejects(
                file(new byte[0], 2051, 1, -28, 28),
                "invalid length for dimension 1 in its header. Received: -28.");
        int most = Integer.MAX_VALUE;
        assertRejects(file(new byte[9], 2051, most, most, most), "not supported");
    }

    @Test
    void rejectsContentThatContradictsTheHeader() throws IOException {
        assertRejects(file(new byte[3], 2051, 2, 1, 2), "declares 4 bytes. Received: 3.");
        assertRejects(file(new byte[5], 2051, 2, 1, 2), "more than the 4 bytes");
    }

    @Test
    void allocatesNothingForDeclaredSizes() throws IOException {
        long before = directBytes();
        // random bytes do not compress: by its size, this file could hold what it declares
        byte[] random = new byte[90_000];
        new Random(1).nextBytes(random);
        assertRejects(
                file(random, 2051, 90_000_000, 1, 1), "declares 90000000 bytes. Received: 90000.");
        assertTrue(directBytes() - before <= 1 << 20);
        byte[] large = new byte[(64 << 20) + 3];
        large[large.length - 1] = 2;
        ByteBuffer data = IdxFile.readImages(file(large, 2051, large.length, 1, 1)).data();
        assertEquals(ByteBuffer.wrap(large), data);
    }

    private static long directBytes() {
        return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(pool -> pool.getName().equals("direct"))
                .mapToLong(BufferPoolMXBean::getMemoryUsed)
                .sum();
    }

    @Test
    void rejectsMoreDataThanTheFileCanHold() throws IOException {
        // zeros have the highest compression ratio
        byte[] zeros = new byte[4 << 20];
        Path file = file(zeros, 2051, zeros.length, 1, 1);
        assertTrue(zeros.length / Files.size(file) < 1032);
        assertEquals(zeros.length, IdxFile.readImages(file).count());
        long possible = 1032 * Files.size(file(new byte[9], 2051, 50_000_000, 1, 1));
        assertRejects(
                dir.resolve("images.gz"),
                "declares 50000000 bytes",
                "Received: at most " + possible + ".");
    }
}
