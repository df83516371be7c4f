package org.djlresnet.data;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPOutputStream;

/** Writes small IDX files for tests. */
final class IdxFiles {

    private IdxFiles() {}

    static byte[] gzip(byte[] content) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
            gzip.write(content);
        }
        return out.toByteArray();
    }

    /** Returns the header's int32 values, then the content. */
    static byte[] idx(byte[] content, int... header) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * header.length + content.length);
        for (int value : header) {
            bytes.putInt(value);
        }
        return bytes.put(content).array();
    }

    static Path write(Path file, byte[] content, int... header) throws IOException {
        Files.createDirectories(file.getParent());
        return Files.write(file, gzip(idx(content, header)));
    }

    /** Writes a data set of 1×2 images under MNIST's file names. */
    static void writeAll(Path dir, byte[] trainLabels, byte[] testLabels) throws IOException {
        write(dir.resolve("train-labels-idx1-ubyte.gz"), trainLabels, 2049, trainLabels.length);
        write(dir.resolve("t10k-labels-idx1-ubyte.gz"), testLabels, 2049, testLabels.length);
        writeImages(dir.resolve("train-images-idx3-ubyte.gz"), trainLabels.length);
        writeImages(dir.resolve("t10k-images-idx3-ubyte.gz"), testLabels.length);
    }

    static void writeImages(Path file, int count) throws IOException {
        byte[] pixels = new byte[2 * count];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) (i + 200);
        }
        write(file, pixels, 2051, count, 1, 2);
    }
}
