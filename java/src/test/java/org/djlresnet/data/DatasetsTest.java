package org.djlresnet.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DatasetsTest {

    private static final Path DATA = Path.of("data");

    @TempDir Path dir;

    private static String rejected(String name, Path dir, boolean train) {
        return assertThrows(UserException.class, () -> Datasets.read(name, dir, train))
                .getMessage();
    }

    @Test
    void readsFashionMnist() {
        Examples train = Datasets.read("fashion-mnist", DATA, true);
        Examples test = Datasets.read("fashion-mnist", DATA.resolve("fashion-mnist"), false);
        assertEquals(60_000, train.size());
        assertEquals(10_000, test.size());
        assertEquals(28, test.shape().height());
        assertEquals("Ankle boot", train.classNames().get(train.label(0)));
        int[] counts = new int[10];
        for (int i = 0; i < test.size(); i++) {
            counts[test.label(i)]++;
        }
        // the published test set holds a thousand of each class
        for (int count : counts) {
            assertEquals(1000, count);
        }
    }

    @Test
    void describesWithoutReading() {
        assertEquals(
                List.of(
                        "fashion-mnist",
                        "mnist",
                        "kmnist",
                        "emnist-letters",
                        "emnist-digits",
                        "emnist-balanced",
                        "cifar-10",
                        "cifar-100",
                        "cifar-100-coarse",
                        "idx"),
                Datasets.names());
        assertEquals(new ImageShape(1, 28, 28), Datasets.descriptor("fashion-mnist").shape());
        assertEquals(10, Datasets.descriptor("fashion-mnist").classes().size());
    }

    @Test
    void readsIdxFilesWithTheClassesOfAllLabels() throws IOException {
        IdxFiles.writeAll(dir, new byte[] {0, 3, 1}, new byte[] {1, 0});
        Examples test = Datasets.read("idx", dir, false);
        assertEquals(List.of("0", "1", "2", "3"), test.classNames());
        assertArrayEquals(new int[] {1, 0}, ((ImageDataset) test).labels());
        assertEquals((byte) 203, ((ImageDataset) test).pixels().get(3));
        assertEquals(3, Datasets.read("idx", dir, true).size());
    }

    @Test
    void prefersFolderNamedAfterDataSet() throws IOException {
        IdxFiles.writeAll(dir, new byte[] {0, 1}, new byte[] {1});
        IdxFiles.writeAll(dir.resolve("idx"), new byte[] {0, 1, 2}, new byte[] {1});
        assertEquals(3, Datasets.read("idx", dir, true).size());
    }

    @Test
    void countsClassesThatOnlyTheTestHalfHas() throws IOException {
        IdxFiles.writeAll(dir, new byte[] {0, 1}, new byte[] {1, 2});
        for (boolean train : new boolean[] {true, false}) {
            assertEquals(List.of("0", "1", "2"), Datasets.read("idx", dir, train).classNames());
        }
        Files.delete(dir.resolve("t10k-labels-idx1-ubyte.gz"));
        assertEquals(List.of("0", "1"), Datasets.read("idx", dir, true).classNames());
    }

    @Test
    void findsUnpackedIdxFiles() throws IOException {
        IdxFiles.writeAll(dir, new byte[] {0, 1}, new byte[] {1});
        Files.move(
                dir.resolve("train-images-idx3-ubyte.gz"), dir.resolve("train-images.idx3-ubyte"));
        Files.move(dir.resolve("t10k-labels-idx1-ubyte.gz"), dir.resolve("t10k-labels-idx1-ubyte"));
        assertEquals(2, Datasets.read("idx", dir, true).size());
        assertEquals(1, Datasets.read("idx", dir, false).size());
        Files.delete(dir.resolve("t10k-labels-idx1-ubyte"));
        Files.createDirectory(dir.resolve("t10k-labels-idx1-ubyte"));
        String message = rejected("idx", dir, false);
        assertTrue(message.endsWith("t10k-labels-idx1-ubyte is not a regular file."), message);
    }

    @Test
    void rejectsUnknownName() {
        assertEquals(
                "Unknown data set. Received: 'fasion-mnist'. Did you mean 'fashion-mnist'? Allowed:"
                        + " fashion-mnist, mnist, kmnist, emnist-letters, emnist-digits,"
                        + " emnist-balanced, cifar-10, cifar-100, cifar-100-coarse, idx.",
                rejected("fasion-mnist", DATA, true));
    }

    @Test
    void listsMissingFilesAndSearchedFolders() throws IOException {
        IdxFiles.writeAll(dir, new byte[] {0, 1}, new byte[] {1});
        Files.delete(dir.resolve("t10k-images-idx3-ubyte.gz"));
        String message = rejected("idx", dir, false);
        assertTrue(
                message.endsWith(
                        ". Searched: "
                                + dir.resolve("idx")
                                + " (no such folder); "
                                + dir
                                + " (lacks t10k-images-idx3-ubyte.gz). Set --data-dir to their folder."),
                message);
    }

    @Test
    void rejectsDifferentNumbersOfImagesAndLabels() throws IOException {
        IdxFiles.writeAll(dir, new byte[] {0, 1}, new byte[] {1});
        IdxFiles.writeImages(dir.resolve("train-images-idx3-ubyte.gz"), 3);
        String message = rejected("idx", dir, true);
        assertTrue(message.contains("Received: 3 images and 2 labels."), message);
    }

    @Test
    void rejectsUnpublishedContent() throws IOException {
        IdxFiles.writeAll(dir, new byte[] {0, 1}, new byte[] {1});
        String message = rejected("fashion-mnist", dir, true);
        assertTrue(
                message.contains("train-labels-idx1-ubyte.gz is not the published file"), message);
        assertTrue(message.contains("9018921c3c673c538a1fc5bad174d6f9"), message);
    }

    /** Writes sparse files of the published sizes, which take no disk space. */
    private void writeCifar(Path folder) throws IOException {
        Files.createDirectories(folder);
        for (int i = 1; i <= 6; i++) {
            String name = i == 6 ? "test_batch.bin" : "data_batch_" + i + ".bin";
            try (RandomAccessFile file =
                    new RandomAccessFile(folder.resolve(name).toFile(), "rw")) {
                file.setLength(30_730_000);
                file.write(i);
                file.write(10 * i);
            }
        }
    }

    @Test
    void readsCifar10() throws IOException {
        writeCifar(dir.resolve("cifar-10-batches-bin"));
        Examples train = Datasets.read("cifar-10", dir, true);
        assertEquals(50_000, train.size());
        assertEquals(new ImageShape(3, 32, 32), train.shape());
        assertEquals(new ImageShape(3, 32, 32), Datasets.descriptor("cifar-10").shape());
        for (int batch = 0; batch < 5; batch++) {
            assertEquals(1 + batch, train.label(10_000 * batch));
            assertEquals(
                    10 + 10 * batch, ((ImageDataset) train).pixels().get(10_000 * 3072 * batch));
        }
        assertEquals("automobile", train.classNames().get(train.label(0)));
        Examples test = Datasets.read("cifar-10", dir.resolve("cifar-10-batches-bin"), false);
        assertEquals(10_000, test.size());
        assertEquals("frog", test.classNames().get(test.label(0)));
    }

    @Test
    void explainsHowToDownloadCifar10() {
        String message = rejected("cifar-10", dir, true);
        assertTrue(message.contains(dir.resolve("cifar-10-batches-bin").toString()), message);
        assertTrue(message.contains("data_batch_5.bin"), message);
        assertTrue(
                message.contains(
                        "Download them: python -m py_djl_resnet datasets --download cifar-10."),
                message);
    }

    /** Writes the test half of EMNIST's letters; the first row of an image is the file's column. */
    private void writeLetters(int count) throws IOException {
        byte[] labels = new byte[count];
        byte[] pixels = new byte[count * 784];
        for (int i = 0; i < count; i++) {
            labels[i] = (byte) (1 + i % 26);
            for (int column = 0; column < 28; column++) {
                pixels[i * 784 + column * 28] = (byte) (100 + column);
            }
        }
        Path folder = Files.createDirectories(dir.resolve("emnist"));
        Files.write(
                folder.resolve("emnist-letters-test-labels-idx1-ubyte"),
                IdxFiles.idx(labels, 2049, count));
        Files.write(
                folder.resolve("emnist-letters-test-images-idx3-ubyte"),
                IdxFiles.idx(pixels, 2051, count, 28, 28));
    }

    @Test
    void showsEmnistUprightWithLettersFromZero() throws IOException {
        writeLetters(20_800);
        ImageDataset test = (ImageDataset) Datasets.read("emnist-letters", dir, false);
        assertEquals("A", test.classNames().get(test.label(0)));
        assertEquals("Z", test.classNames().get(test.label(25)));
        for (int x = 0; x < 28; x++) {
            assertEquals((byte) (100 + x), test.pixels().get(784 + x));
            assertEquals(0, test.pixels().get(784 + 28 + x));
        }
        assertEquals(47, Datasets.descriptor("emnist-balanced").classes().size());
    }

    @Test
    void rejectsFilesOfAnotherDataSetByTheirShape() throws IOException {
        writeLetters(5);
        String message = rejected("emnist-letters", dir, false);
        assertTrue(
                message.contains(
                        "is not a file of 'emnist-letters'. Received: 5 images of 28×28 pixels."
                                + " Allowed: 20800 of 28×28."),
                message);
    }

    @Test
    void readsBothLabelsOfCifar100() throws IOException {
        byte[] records = new byte[10_000 * 3074];
        records[0] = 19;
        records[1] = 99;
        records[2] = 7;
        records[3074] = 4;
        records[3075] = 0;
        records[2 * 3074 - 1] = 8;
        Files.write(dir.resolve("test.bin"), records);
        ImageDataset fine = (ImageDataset) Datasets.read("cifar-100", dir, false);
        Examples coarse = Datasets.read("cifar-100-coarse", dir, false);
        assertEquals("worm", fine.classNames().get(fine.label(0)));
        assertEquals("vehicles_2", coarse.classNames().get(coarse.label(0)));
        assertEquals("apple", fine.classNames().get(fine.label(1)));
        assertEquals("fruit_and_vegetables", coarse.classNames().get(coarse.label(1)));
        assertEquals(7, fine.pixels().get(0));
        assertEquals(8, fine.pixels().get(2 * 3072 - 1));
        records[3074] = 20;
        Files.write(dir.resolve("test.bin"), records);
        String message = rejected("cifar-100-coarse", dir, false);
        assertTrue(
                message.contains(
                        "has an invalid label in record 1. Received: 20. Allowed: 0 to 19. The file"
                                + " is damaged or not CIFAR-100."),
                message);
        message = rejected("cifar-100", dir, true);
        assertTrue(message.contains("datasets --download cifar-100. Or set --data-dir"), message);
    }
}
