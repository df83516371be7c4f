package org.djlresnet.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import org.djlresnet.data.CifarFile;

/** Any file is read as the requested records with labels in range, or rejected. */
class CifarFuzzTest {

    private static final FuzzFile FILE = new FuzzFile("data_batch_1.bin");

    /** The first byte is the number of records, the others are the file. */
    @FuzzTest(maxDuration = "10m")
    void file(byte[] input) {
        if (input.length > 0) {
            check(input[0] & 3, Arrays.copyOfRange(input, 1, input.length));
        }
    }

    /** A file of the right size with fuzzed labels; their bytes repeat as pixels. */
    @FuzzTest(maxDuration = "10m")
    void records(byte[] labels) {
        int count = Math.min(labels.length, 8);
        ByteBuffer file = ByteBuffer.allocate(count * CifarFile.RECORD);
        for (int i = 0; i < count; i++) {
            file.put(i * CifarFile.RECORD, labels[i]);
            for (int j = 1; j < CifarFile.RECORD; j++) {
                file.put(i * CifarFile.RECORD + j, labels[(i + j) % labels.length]);
            }
        }
        check(count, file.array());
    }

    private static void check(int records, byte[] file) {
        CifarFile read =
                FILE.readOrReject(file, path -> CifarFile.read(List.of(path, path), records));
        boolean fits = file.length == records * CifarFile.RECORD;
        for (int i = 0; fits && i < records; i++) {
            fits = (file[i * CifarFile.RECORD] & 0xff) < CifarFile.CLASSES;
        }
        assertEquals(fits, read != null);
        if (read == null) {
            return;
        }
        ByteBuffer pixels = read.pixels();
        assertEquals(2 * records * CifarFile.PIXELS, pixels.remaining());
        assertEquals(2 * records, read.labels().length);
        for (int i = 0; i < 2 * records; i++) {
            int at = i % records * CifarFile.RECORD;
            assertEquals(file[at], read.labels()[i]);
            ByteBuffer expected = ByteBuffer.wrap(file, at + 1, CifarFile.PIXELS);
            assertEquals(expected, pixels.slice(i * CifarFile.PIXELS, CifarFile.PIXELS));
        }
    }
}
