package org.djlresnet.fuzz;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.ByteBuffer;
import org.djlresnet.data.IdxFile;

/** Any file is read as an IDX file of consistent sizes, or rejected. */
class IdxFuzzTest {

    private static final FuzzFile FILE = new FuzzFile("idx.gz");

    /** Reads fuzzed content, compressed and not, so that the fuzzer need not discover gzip. */
    @FuzzTest(maxDuration = "10m")
    void content(byte[] content) {
        for (byte[] file : new byte[][] {FuzzFile.gzip(content), content}) {
            IdxFile images = FILE.readOrReject(file, IdxFile::readImages);
            if (images != null) {
                assertTrue(images.count() > 0 && images.height() > 0 && images.width() > 0);
                assertSame(content, 16, images, images.count() * images.height() * images.width());
            }
            IdxFile labels = FILE.readOrReject(file, IdxFile::readLabels);
            if (labels != null) {
                assertSame(content, 8, labels, labels.count());
            }
        }
    }

    @FuzzTest(maxDuration = "10m")
    void file(byte[] file) {
        IdxFile labels = FILE.readOrReject(file, IdxFile::readLabels);
        if (labels != null) {
            assertEquals(labels.count(), labels.toIntArray().length);
        }
    }

    /** Checks that the bytes read are the content after its header. */
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
