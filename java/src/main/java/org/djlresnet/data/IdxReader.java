package org.djlresnet.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;

/** Reads four IDX files with MNIST's names. */
final class IdxReader implements DatasetReader {

    private static final String TRAIN_IMAGES = "train-images-idx3-ubyte";
    private static final String TRAIN_LABELS = "train-labels-idx1-ubyte";
    private static final String TEST_IMAGES = "t10k-images-idx3-ubyte";
    private static final String TEST_LABELS = "t10k-labels-idx1-ubyte";

    private final DatasetDescriptor known;

    private IdxReader(DatasetDescriptor known) {
        this.known = known;
    }

    /** Fashion-MNIST, checked against its published MD5 sums. */
    static IdxReader fashionMnist() {
        return new IdxReader(
                new DatasetDescriptor(
                        "fashion-mnist",
                        "Fashion-MNIST: grey images of clothes, Zalando SE, 2017",
                        new ImageShape(1, 28, 28),
                        List.of(
                                "T-shirt/top",
                                "Trouser",
                                "Pullover",
                                "Dress",
                                "Coat",
                                "Sandal",
                                "Shirt",
                                "Sneaker",
                                "Bag",
                                "Ankle boot"),
                        60000,
                        10000,
                        Map.of(
                                TRAIN_IMAGES, "f4a8712d7a061bf5bd6d2ca38dc4d50a",
                                TRAIN_LABELS, "9018921c3c673c538a1fc5bad174d6f9",
                                TEST_IMAGES, "8181f5470baa50b63fa0f6fddb340f0a",
                                TEST_LABELS, "15d484375f8d13e6eb1aabb0c3f46965")));
    }

    /** Any IDX files; the classes are 0 to the largest label in both halves. */
    static IdxReader own() {
        return new IdxReader(
                new DatasetDescriptor(
                        "idx",
                        "Your own four IDX files, with MNIST's names",
                        null,
                        List.of(),
                        0,
                        0,
                        Map.of()));
    }

    @Override
    public DatasetDescriptor descriptor() {
        return known;
    }

    @Override
    public Examples read(Path dir, boolean train) {
        boolean classesFromFiles = known.classes().isEmpty();
        List<List<String>> needed = new ArrayList<>();
        needed.add(spellings(train ? TRAIN_IMAGES : TEST_IMAGES));
        needed.add(spellings(train ? TRAIN_LABELS : TEST_LABELS));
        if (classesFromFiles && !train) {
            needed.add(spellings(TRAIN_LABELS));
        }
        List<Path> found =
                DatasetFolder.find(
                        known.name(), List.of(dir.resolve(known.name()), dir), needed, "Set");
        Path imagesFile = found.get(0);
        Path labelsFile = found.get(1);

        IdxFile labels = IdxFile.readLabels(labelsFile);
        checkMd5(labelsFile, train ? TRAIN_LABELS : TEST_LABELS, labels);
        List<String> classes = known.classes();
        if (classesFromFiles) {
            // the training half can be read without the test half
            Path others =
                    train
                            ? DatasetFolder.find(labelsFile.getParent(), spellings(TEST_LABELS))
                            : found.get(2);
            int last =
                    Math.max(last(labels), others == null ? 0 : last(IdxFile.readLabels(others)));
            classes = IntStream.rangeClosed(0, last).mapToObj(Integer::toString).toList();
        }
        IdxFile images = IdxFile.readImages(imagesFile);
        checkMd5(imagesFile, train ? TRAIN_IMAGES : TEST_IMAGES, images);
        if (images.count() != labels.count()) {
            throw UserException.of(
                    "%s and %s must hold the same number of images and labels. Received: %d images and %d labels.",
                    imagesFile, labelsFile.getFileName(), images.count(), labels.count());
        }
        long[] shape = new ImageShape(1, images.height(), images.width()).batch(images.count());
        return ImageDataset.of(images.data(), PixelType.UINT8, shape, labels.toIntArray(), classes);
    }

    /** Lists the names of a file as published and as unpacked. */
    private static List<String> spellings(String name) {
        String dotted = name.replace("-idx", ".idx");
        return List.of(name + ".gz", name, dotted + ".gz", dotted);
    }

    private void checkMd5(Path file, String name, IdxFile content) {
        String published = known.md5().get(name);
        if (published != null && !published.equals(content.md5())) {
            throw UserException.of(
                    "%s is not the published file. Received: MD5 %s. Allowed: %s. Download it again, or read your own file as data set 'idx'.",
                    file, content.md5(), published);
        }
    }

    private static int last(IdxFile labels) {
        return Arrays.stream(labels.toIntArray()).max().getAsInt();
    }
}
