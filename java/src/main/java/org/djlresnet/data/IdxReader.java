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

/** Four gzip IDX files, named as MNIST's. */
final class IdxReader implements DatasetReader {

    private static final String TRAIN_IMAGES = "train-images-idx3-ubyte.gz";
    private static final String TRAIN_LABELS = "train-labels-idx1-ubyte.gz";
    private static final String TEST_IMAGES = "t10k-images-idx3-ubyte.gz";
    private static final String TEST_LABELS = "t10k-labels-idx1-ubyte.gz";

    private final DatasetDescriptor known;

    private IdxReader(DatasetDescriptor known) {
        this.known = known;
    }

    /** Fashion-MNIST, checked against its published MD5 sums. */
    static IdxReader fashionMnist() {
        return new IdxReader(
                new DatasetDescriptor(
                        "fashion-mnist",
                        "Fashion-MNIST: grey pictures of clothes, Zalando SE, 2017",
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

    /** Any files; the classes are 0 to the greatest training label, for both halves. */
    static IdxReader own() {
        return new IdxReader(
                new DatasetDescriptor(
                        "idx",
                        "Your own four gzip IDX files, named as MNIST's",
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
        String imagesName = train ? TRAIN_IMAGES : TEST_IMAGES;
        String labelsName = train ? TRAIN_LABELS : TEST_LABELS;
        boolean classesFromFile = known.classes().isEmpty();
        List<String> needed = new ArrayList<>(List.of(imagesName, labelsName));
        if (classesFromFile && !train) {
            needed.add(TRAIN_LABELS);
        }
        Path folder =
                DatasetFolder.find(
                        known.name(), List.of(dir.resolve(known.name()), dir), needed, "Name");

        IdxFile labels = IdxFile.readLabels(folder.resolve(labelsName));
        checkMd5(folder.resolve(labelsName), labels);
        List<String> classes = known.classes();
        if (classesFromFile) {
            Path file = folder.resolve(TRAIN_LABELS);
            classes = numbered(train ? labels : IdxFile.readLabels(file));
        }
        IdxFile images = IdxFile.readImages(folder.resolve(imagesName));
        checkMd5(folder.resolve(imagesName), images);
        if (images.count() != labels.count()) {
            throw new UserException(
                    "%s holds %d images but %s %d labels; they must be as many"
                            .formatted(
                                    folder.resolve(imagesName),
                                    images.count(),
                                    labelsName,
                                    labels.count()));
        }
        long[] shape = new ImageShape(1, images.height(), images.width()).batch(images.count());
        try {
            return ImageDataset.of(
                    images.data(), PixelType.UINT8, shape, labels.toIntArray(), classes);
        } catch (UserException e) {
            throw new UserException(folder.resolve(labelsName) + ": " + e.getMessage(), e);
        }
    }

    private void checkMd5(Path file, IdxFile content) {
        String published = known.md5().get(file.getFileName().toString());
        if (published != null && !published.equals(content.md5())) {
            throw new UserException(
                    "%s: its content has MD5 %s, the published one has %s; fetch it again, or read it"
                                    .formatted(file, content.md5(), published)
                            + " as data set \"idx\" if it is your own");
        }
    }

    private static List<String> numbered(IdxFile labels) {
        int last = Arrays.stream(labels.toIntArray()).max().getAsInt();
        return IntStream.rangeClosed(0, last).mapToObj(Integer::toString).toList();
    }
}
