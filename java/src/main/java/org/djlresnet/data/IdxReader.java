package org.djlresnet.data;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;

/** Reads four IDX files: MNIST's, or those of a data set in its format. */
final class IdxReader implements DatasetReader {

    private static final String TRAIN_IMAGES = "train-images-idx3-ubyte";
    private static final String TRAIN_LABELS = "train-labels-idx1-ubyte";
    private static final String TEST_IMAGES = "t10k-images-idx3-ubyte";
    private static final String TEST_LABELS = "t10k-labels-idx1-ubyte";

    private static final ImageShape SMALL = new ImageShape(1, 28, 28);
    private static final List<String> DIGITS =
            IntStream.range(0, 10).mapToObj(Integer::toString).toList();
    private static final List<String> LETTERS =
            IntStream.rangeClosed('A', 'Z').mapToObj(Character::toString).toList();

    private final DatasetDescriptor known;

    /** The folder in the published archive, or null. */
    private final String folder;

    /** Replaces the start of the files' names, up to "train" or "test"; null for MNIST's names. */
    private final String prefix;

    /** Whether rows and columns of the images are swapped in the files. */
    private final boolean transposed;

    private final int firstLabel;

    private IdxReader(
            DatasetDescriptor known,
            String folder,
            String prefix,
            boolean transposed,
            int firstLabel) {
        this.known = known;
        this.folder = folder;
        this.prefix = prefix;
        this.transposed = transposed;
        this.firstLabel = firstLabel;
    }

    private IdxReader(DatasetDescriptor known) {
        this(known, known.name(), null, false, 0);
    }

    /** Fashion-MNIST, checked against its published MD5 sums. */
    static IdxReader fashionMnist() {
        return new IdxReader(
                new DatasetDescriptor(
                        "fashion-mnist",
                        "Fashion-MNIST: grey images of clothes, Zalando SE, 2017",
                        SMALL,
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

    /** MNIST, checked against the MD5 sums of its decompressed files, which other programs pin. */
    static IdxReader mnist() {
        return new IdxReader(
                new DatasetDescriptor(
                        "mnist",
                        "MNIST: grey images of handwritten digits, LeCun et al., 1998",
                        SMALL,
                        DIGITS,
                        60000,
                        10000,
                        Map.of(
                                TRAIN_IMAGES, "6bbc9ace898e44ae57da46a324031adb",
                                TRAIN_LABELS, "a25bea736e30d166cdddb491f175f624",
                                TEST_IMAGES, "2646ac647ad5339dbf082846283269ea",
                                TEST_LABELS, "27ae3e4e09519cfbb04c329615203637")));
    }

    /** KMNIST, checked by its shape: sums are published for its compressed files only. */
    static IdxReader kmnist() {
        return new IdxReader(
                new DatasetDescriptor(
                        "kmnist",
                        "Kuzushiji-MNIST: grey images of cursive Japanese characters, 2018",
                        SMALL,
                        List.of("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
                        60000,
                        10000,
                        Map.of()));
    }

    /** EMNIST's letters of either case, numbered from 1 in the files. */
    static IdxReader emnistLetters() {
        return emnist("letters", "letters, both cases as one class", LETTERS, 124800, 20800, 1);
    }

    /** EMNIST's digits. */
    static IdxReader emnistDigits() {
        return emnist("digits", "digits", DIGITS, 240000, 40000, 0);
    }

    /** EMNIST's digits and letters, those that look alike in both cases as one class. */
    static IdxReader emnistBalanced() {
        List<String> lower = List.of("a", "b", "d", "e", "f", "g", "h", "n", "q", "r", "t");
        List<String> classes = new ArrayList<>(DIGITS);
        classes.addAll(LETTERS);
        classes.addAll(lower);
        return emnist("balanced", "digits and letters", classes, 112800, 18800, 0);
    }

    /** EMNIST, checked by its shape: sums are published for its archive only. */
    private static IdxReader emnist(
            String split, String what, List<String> classes, int train, int test, int first) {
        return new IdxReader(
                new DatasetDescriptor(
                        "emnist-" + split,
                        "EMNIST " + split + ": grey images of handwritten " + what + ", 2017",
                        SMALL,
                        classes,
                        train,
                        test,
                        Map.of()),
                "emnist",
                "emnist-" + split + "-",
                true,
                first);
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
                        known.name(), List.of(dir.resolve(folder), dir), needed, advice());
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
        checkShape(imagesFile, images, train);
        long[] shape = new ImageShape(1, images.height(), images.width()).batch(images.count());
        ByteBuffer pixels =
                transposed
                        ? transpose(images.data(), images.height(), images.width())
                        : images.data();
        int[] numbers = Arrays.stream(labels.toIntArray()).map(n -> n - firstLabel).toArray();
        return ImageDataset.of(pixels, PixelType.UINT8, shape, numbers, classes);
    }

    private String advice() {
        boolean bundled = known.name().equals("fashion-mnist") || known.classes().isEmpty();
        return bundled
                ? "Set"
                : "Download them: python -m py_djl_resnet datasets --download "
                        + known.name()
                        + ". Or set";
    }

    /** Lists the names of a file as published and as unpacked. */
    private List<String> spellings(String mnist) {
        String name = prefix == null ? mnist : prefix + mnist.replace("t10k", "test");
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

    private void checkShape(Path file, IdxFile images, boolean train) {
        int count = train ? known.train() : known.test();
        if (count > 0
                && (images.count() != count || images.height() != 28 || images.width() != 28)) {
            throw UserException.of(
                    "%s is not a file of '%s'. Received: %d images of %d×%d pixels. Allowed: %d of"
                            + " 28×28. Download it again, or read your own file as data set 'idx'.",
                    file, known.name(), images.count(), images.height(), images.width(), count);
        }
    }

    /** Swaps rows and columns of square images. */
    private static ByteBuffer transpose(ByteBuffer pixels, int height, int width) {
        ByteBuffer upright = ByteBuffer.allocateDirect(pixels.remaining());
        int plane = height * width;
        for (int start = 0; start < pixels.limit(); start += plane) {
            for (int y = 0; y < height; y++) {
                for (int x = 0; x < width; x++) {
                    upright.put(pixels.get(start + x * width + y));
                }
            }
        }
        return upright.flip();
    }

    private static int last(IdxFile labels) {
        return Arrays.stream(labels.toIntArray()).max().getAsInt();
    }
}
