package org.djlresnet.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

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

    private void assertRefused(Path file, String... parts) {
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
    void readsImagesAndTheirSum() throws IOException {
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
    void refusesWhatIsNoFile() {
        assertRefused(dir.resolve("none.gz"), "no such file");
        assertRefused(dir, "not a regular file");
    }

    @Test
    void refusesWhatIsNotGzip() throws IOException {
        Path file = Files.write(dir.resolve("raw"), IdxFiles.idx(new byte[2], 2051, 1, 1, 2));
        assertRefused(file, "not a sound gzip file");
        assertRefused(Files.write(dir.resolve("empty"), new byte[0]), "truncated");
    }

    @Test
    void refusesAnyTruncation() throws IOException {
        byte[] whole = Files.readAllBytes(file(new byte[] {5, 6, 7, 8}, 2051, 2, 1, 2));
        for (int length = 0; length < whole.length; length++) {
            Path cut = Files.write(dir.resolve("cut.gz"), Arrays.copyOf(whole, length));
            assertRefused(cut, "truncated");
        }
    }

    @Test
    void refusesDamage() throws IOException {
        Path file = file(new byte[] {5, 6, 7, 8}, 2051, 2, 1, 2);
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length - 7] ^= 1;
        Files.write(file, bytes);
        assertRefused(file, "not a sound gzip file");
    }

    @Test
    void refusesAnotherKind() throws IOException {
        assertRefused(file(new byte[2], 2049, 2), "must be 2051, received 2049");
    }

    @Test
    void refusesLengthsThatAreNotPositive() throws IOException {
        assertRefused(file(new byte[0], 2051, 0, 28, 28), "length of 0 in dimension 0");
        assertRefused(file(new byte[0], 2051, 1, -28, 28), "length of -28 in dimension 1");
    }

    @Test
    void refusesContentThatDisagreesWithTheHeader() throws IOException {
        assertRefused(file(new byte[3], 2051, 2, 1, 2), "announces 4 bytes, received 3");
        assertRefused(file(new byte[5], 2051, 2, 1, 2), "more than the 4 bytes");
    }

    @Test
    void takesNoMemoryForWhatIsOnlyAnnounced() throws IOException {
        int most = Integer.MAX_VALUE;
        assertRefused(file(new byte[9], 2051, most, most, most), "not supported");
        long before = directBytes();
        assertRefused(file(new byte[9], 2051, most, 1, 1), "announces 2147483647 bytes");
        // random bytes do not become fewer: this file could hold what it announces, by its size
        byte[] random = new byte[90_000];
        new Random(1).nextBytes(random);
        assertRefused(
                file(random, 2051, 90_000_000, 1, 1), "announces 90000000 bytes, received 90000");
        assertTrue(directBytes() - before <= 1 << 20);
    }

    @Test
    void refusesWhatNoFileOfItsSizeHolds() throws IOException {
        // zeros are what gzip makes fewest, and this is how many of them a byte can stand for
        byte[] zeros = new byte[4 << 20];
        Path file = file(zeros, 2051, zeros.length, 1, 1);
        assertTrue(zeros.length / Files.size(file) < 1032);
        assertEquals(zeros.length, IdxFile.readImages(file).count());
        long possible = 1032 * Files.size(file(new byte[9], 2051, 50_000_000, 1, 1));
        assertRefused(
                dir.resolve("images.gz"),
                "announces 50000000 bytes",
                "a file of its size holds " + possible + " at the most");
    }

    @Test
    void takesMemoryForALargeFileOnce() throws IOException {
        byte[] content = new byte[(64 << 20) + 3];
        content[0] = 1;
        content[content.length - 1] = 2;
        Path file = file(content, 2051, content.length, 1, 1);
        long before = directBytes();
        ByteBuffer data = IdxFile.readImages(file).data();
        assertTrue(directBytes() - before <= content.length + (1 << 20));
        assertEquals(ByteBuffer.wrap(content), data);
        assertRefused(
                file(content, 2051, content.length - 1, 1, 1),
                "more than the " + (content.length - 1) + " bytes");
    }

    private static long directBytes() {
        return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(pool -> pool.getName().equals("direct"))
                .mapToLong(BufferPoolMXBean::getMemoryUsed)
                .sum();
    }
}
