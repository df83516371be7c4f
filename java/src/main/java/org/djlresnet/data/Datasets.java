package org.djlresnet.data;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.NearestName;
import org.djlresnet.UserException;

/** The registry of data sets by name. */
public final class Datasets {

    private static final Map<String, DatasetReader> READERS =
            byName(
                    IdxReader.fashionMnist(),
                    IdxReader.mnist(),
                    IdxReader.kmnist(),
                    IdxReader.emnistLetters(),
                    IdxReader.emnistDigits(),
                    IdxReader.emnistBalanced(),
                    CifarReader.cifar10(),
                    CifarReader.cifar100(),
                    CifarReader.cifar100Coarse(),
                    IdxReader.own());

    private Datasets() {}

    private static Map<String, DatasetReader> byName(DatasetReader... readers) {
        Map<String, DatasetReader> byName = new LinkedHashMap<>();
        for (DatasetReader reader : readers) {
            byName.put(reader.descriptor().name(), reader);
        }
        return Collections.unmodifiableMap(byName);
    }

    /**
     * Returns the names of the data sets.
     *
     * @return the names, for {@link #read}
     */
    public static List<String> names() {
        return List.copyOf(READERS.keySet());
    }

    /**
     * Describes a data set without its files.
     *
     * @param name one of {@link #names}
     * @return the description
     * @throws UserException if the name is unknown
     */
    public static DatasetDescriptor descriptor(String name) {
        return reader(name).descriptor();
    }

    /**
     * Reads and checks one half of a data set.
     *
     * <p>{@code fashion-mnist} and {@code mnist} are checked against MD5 sums, other data sets by
     * the number and size of their images. {@code idx} reads any IDX files with MNIST's names,
     * compressed or not; its classes are 0 to the largest label in both halves. {@code cifar-10}
     * and {@code cifar-100} read the files of the binary version; {@code cifar-100-coarse} has the
     * labels of its 20 superclasses. EMNIST's images, whose rows and columns are swapped in the
     * files, are upright.
     *
     * @param name one of {@link #names}
     * @param dir the folder of the files, or its parent if it is called {@code name} or as in the
     *     published archive, such as {@code cifar-10-batches-bin}
     * @param train whether to read the training half rather than the test half
     * @return the examples in the order of the files
     * @throws UserException if the name is unknown, or files are missing, damaged or inconsistent
     */
    public static Examples read(String name, Path dir, boolean train) {
        return reader(name).read(dir, train);
    }

    private static DatasetReader reader(String name) {
        DatasetReader reader = READERS.get(name);
        if (reader == null) {
            throw UserException.of(
                    "Unknown data set. Received: '%s'.%s",
                    name, NearestName.suggest(String.valueOf(name), names()));
        }
        return reader;
    }
}
