package org.djlresnet.fuzz;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.ByteBuffer;
import org.djlresnet.data.IdxFile;

/** Any file is an IDX file, of sizes that agree, or refused. */
class IdxFuzzTest {

    private static final FuzzFile FILE = new FuzzFile("idx.gz");

    /** The content is what the fuzzer chooses, so that it need not find out how gzip works. */
    @FuzzTest(maxDuration = "10m")
    void content(byte[] content) {
        byte[] file = FuzzFile.gzip(content);
        IdxFile images = FILE.readOrRefused(file, IdxFile::readImages);
        if (images != null) {
            assertTrue(images.count() > 0 && images.height() > 0 && images.width() > 0);
            assertSame(content, 16, images, images.count() * images.height() * images.width());
        }
        IdxFile labels = FILE.readOrRefused(file, IdxFile::readLabels);
        if (labels != null) {
            assertSame(content, 8, labels, labels.count());
        }
    }

    @FuzzTest(maxDuration = "10m")
    void file(byte[] file) {
        IdxFile labels = FILE.readOrRefused(file, IdxFile::readLabels);
        if (labels != null) {
            assertEquals(labels.count(), labels.toIntArray().length);
        }
    }

    /** What was read is the content after its header, byte for byte. */
    private static void assertSame(byte[] content, int header, IdxFile read, int size) {
        byte[] expected = new byte[size];
        ByteBuffer.wrap(content).position(header).get(expected);
        byte[] found = new byte[size];
        read.data().get(found);
        assertArrayEquals(expected, found);
        assertEquals(header + size, content.length);
        int[] values = read.toIntArray();
        for (int i = 0; i < size; i++) {
            assertEquals(expected[i] & 0xff, values[i]);
        }
    }
}
