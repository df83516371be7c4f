package org.djlresnet.data;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.djlresnet.NearestName;
import org.djlresnet.UserException;

/** The data sets known by name, and their reading from a folder. */
public final class Datasets {

    private static final String TRAIN_IMAGES = "train-images-idx3-ubyte.gz";
    private static final String TRAIN_LABELS = "train-labels-idx1-ubyte.gz";
    private static final String TEST_IMAGES = "t10k-images-idx3-ubyte.gz";
    private static final String TEST_LABELS = "t10k-labels-idx1-ubyte.gz";

    private static final List<String> CIFAR_TRAIN =
            IntStream.rangeClosed(1, 5).mapToObj("data_batch_%d.bin"::formatted).toList();
    private static final List<String> CIFAR_TEST = List.of("test_batch.bin");

    private static final DatasetDescriptor FASHION_MNIST =
            new DatasetDescriptor(
                    "fashion-mnist",
                    "Fashion-MNIST: grey pictures of clothes, Zalando SE, 2017",
                    List.of(1, 28, 28),
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
                            TEST_LABELS, "15d484375f8d13e6eb1aabb0c3f46965"));

    private static final DatasetDescriptor CIFAR_10 =
            new DatasetDescriptor(
                    "cifar-10",
                    "CIFAR-10: small colour pictures of animals and vehicles, Krizhevsky, 2009",
                    List.of(CifarFile.CHANNELS, CifarFile.SIDE, CifarFile.SIDE),
                    List.of(
                            "airplane",
                            "automobile",
                            "bird",
                            "cat",
                            "deer",
                            "dog",
                            "frog",
                            "horse",
                            "ship",
                            "truck"),
                    50000,
                    10000,
                    Map.of());

    private static final int CIFAR_RECORDS = 10_000;

    /** What the published archive calls its folder. */
    private static final String CIFAR_FOLDER = "cifar-10-batches-bin";

    private static final DatasetDescriptor IDX =
            new DatasetDescriptor(
                    "idx",
                    "Your own four gzip IDX files, named as MNIST's",
                    List.of(),
                    List.of(),
                    0,
                    0,
                    Map.of());

    private static final List<DatasetDescriptor> ALL = List.of(FASHION_MNIST, CIFAR_10, IDX);

    private Datasets() {}

    /**
     * @return the names that {@link #read} takes
     */
    public static List<String> names() {
        return ALL.stream().map(DatasetDescriptor::name).toList();
    }

    /**
     * @param name one of {@link #names}
     * @return what is known of it without its files
     * @throws UserException with the nearest name if there is no such data set
     */
    public static DatasetDescriptor descriptor(String name) {
        for (DatasetDescriptor one : ALL) {
            if (one.name().equals(name)) {
                return one;
            }
        }
        throw new UserException(
                "Unknown data set \""
                        + name
                        + "\""
                        + NearestName.suggest(String.valueOf(name), names()));
    }

    /**
     * Reads and checks one half of a data set.
     *
     * <p>{@code fashion-mnist} is checked against its published MD5 sums. {@code idx} takes any
     * files of these names; its classes are 0 to the greatest training label, for both halves.
     * {@code cifar-10} takes the binary version's files, of 10,000 records each.
     *
     * @param name one of {@link #names}
     * @param dir the folder of the files, or one whose subfolder {@code name} holds them (for
     *     {@code cifar-10} also {@code cifar-10-batches-bin})
     * @param train true for the training half, false for the test half
     * @return the examples in the order of the files, uint8, (N, C, H, W)
     * @throws UserException if the name is unknown, or files are missing, damaged or do not match
     */
    public static ImageDataset read(String name, Path dir, boolean train) {
        DatasetDescriptor known = descriptor(name);
        return known == CIFAR_10 ? readCifar(dir, train) : readIdx(known, dir, train);
    }

    private static ImageDataset readCifar(Path dir, boolean train) {
        List<String> needed = train ? CIFAR_TRAIN : CIFAR_TEST;
        Path folder =
                find(
                        CIFAR_10.name(),
                        List.of(dir.resolve(CIFAR_FOLDER), dir.resolve(CIFAR_10.name()), dir),
                        needed,
                        "Fetch them: python -m py_djl_resnet datasets --download cifar-10. Or name");
        CifarFile content =
                CifarFile.read(needed.stream().map(folder::resolve).toList(), CIFAR_RECORDS);
        int[] labels = content.labels();
        long[] shape = {labels.length, CifarFile.CHANNELS, CifarFile.SIDE, CifarFile.SIDE};
        return ImageDataset.of(
                content.pixels(), PixelType.UINT8, shape, labels, CIFAR_10.classes());
    }

    private static ImageDataset readIdx(DatasetDescriptor known, Path dir, boolean train) {
        String imagesName = train ? TRAIN_IMAGES : TEST_IMAGES;
        String labelsName = train ? TRAIN_LABELS : TEST_LABELS;
        boolean classesFromFile = known.classes().isEmpty();
        List<String> needed = new ArrayList<>(List.of(imagesName, labelsName));
        if (classesFromFile && !train) {
            needed.add(TRAIN_LABELS);
        }
        Path folder = find(known.name(), List.of(dir.resolve(known.name()), dir), needed, "Name");

        IdxFile labels = IdxFile.readLabels(folder.resolve(labelsName));
        checkMd5(known, folder.resolve(labelsName), labels);
        List<String> classes = known.classes();
        if (classesFromFile) {
            Path file = folder.resolve(TRAIN_LABELS);
            classes = numbered(train ? labels : IdxFile.readLabels(file));
        }
        IdxFile images = IdxFile.readImages(folder.resolve(imagesName));
        checkMd5(known, folder.resolve(imagesName), images);
        if (images.count() != labels.count()) {
            throw new UserException(
                    "%s holds %d images but %s %d labels; they must be as many"
                            .formatted(
                                    folder.resolve(imagesName),
                                    images.count(),
                                    labelsName,
                                    labels.count()));
        }
        long[] shape = {images.count(), 1, images.height(), images.width()};
        try {
            return ImageDataset.of(
                    images.data(), PixelType.UINT8, shape, labels.toIntArray(), classes);
        } catch (UserException e) {
            throw new UserException(folder.resolve(labelsName) + ": " + e.getMessage(), e);
        }
    }

    /** The first of some folders with all files; else an error that says how to get them. */
    private static Path find(String name, List<Path> folders, List<String> needed, String cure) {
        List<String> looked = new ArrayList<>();
        for (Path folder : folders) {
            List<String> missing =
                    needed.stream()
                            .filter(file -> !Files.isRegularFile(folder.resolve(file)))
                            .toList();
            if (missing.isEmpty()) {
                return folder;
            }
            String about = " (no such folder)";
            if (Files.isDirectory(folder)) {
                boolean none = missing.size() == needed.size();
                about = none ? "" : " (lacks " + String.join(", ", missing) + ")";
            }
            looked.add(folder.toAbsolutePath() + about);
        }
        throw new UserException(
                "The files of data set \"%s\" were not found. %s their folder, or put %s in one of these: %s"
                        .formatted(
                                name, cure, String.join(", ", needed), String.join("; ", looked)));
    }

    private static void checkMd5(DatasetDescriptor known, Path file, IdxFile content) {
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
