package org.djlresnet.weights;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.initializer.Initializer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.IntFunction;
import org.djlresnet.UserException;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.checkpoint.Dtype;
import org.djlresnet.checkpoint.SafetensorsFile;
import org.djlresnet.checkpoint.Tensor;
import org.djlresnet.checkpoint.TensorInfo;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Mismatches;
import org.djlresnet.model.Models;
import org.djlresnet.model.Network;
import org.djlresnet.model.Specification;
import org.djlresnet.model.StateDict;
import org.djlresnet.model.TensorBytes;

/**
 * A safetensors file of a network's weights as torchvision and timm name them, read and written.
 *
 * <p>Reading takes away a prefix {@code module.} that all names share, converts float16, bfloat16
 * and float64 to float32, and needs no {@code num_batches_tracked}. A checkpoint of ours is taken
 * too, without its optimizer's state. Nothing is allocated before names, types and shapes fit.
 */
public final class StateFile implements AutoCloseable {

    private static final String PREFIX = "module.";
    private static final String OPTIMIZER = "optimizer/";

    /**
     * What a network is made of beside the file.
     *
     * @param model its name in {@link Models}
     * @param inChannels the number of input channels, or null for the file's
     * @param classNames a name for each class, or null for numbers, as many as the file has classes
     * @param newHead whether the last layer is fresh, for the given classes, rather than the file's
     * @param seed the seed of a fresh last layer
     * @param preprocessing a preset's name or JSON; null for what is known of the file
     * @param beside where the file came from, beside which timm's config.json is looked for
     */
    public record Wanted(
            String model,
            Integer inChannels,
            List<String> classNames,
            boolean newHead,
            long seed,
            String preprocessing,
            Path beside) {}

    /**
     * A network made of a file, and what became of the file's tensors.
     *
     * @param network the network
     * @param taken the names of the network's tensors that are the file's
     * @param fresh the names of those that are new
     * @param left the names of the file's tensors that are not in the network: those of a replaced
     *     last layer
     * @param prefix the prefix that was taken from the names, or an empty text
     * @param converted how many tensors were converted to float32, by the types that they had
     * @param notFinite the names of tensors with a NaN or an infinity
     * @param preprocessingSource where the preprocessing is from: "given", "file", "timm" or
     *     "torchvision"; null where it is not known
     */
    public record Imported(
            Network network,
            List<String> taken,
            List<String> fresh,
            List<String> left,
            String prefix,
            Map<String, Integer> converted,
            List<String> notFinite,
            String preprocessingSource) {}

    private final Path path;
    private final SafetensorsFile file;
    private final Checkpoint checkpoint;
    private final String prefix;
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();
    private final Map<String, TensorInfo> counters = new LinkedHashMap<>();

    private StateFile(Path path, SafetensorsFile file) {
        this.path = path;
        this.file = file;
        checkpoint = Checkpoint.isOne(file) ? Checkpoint.of(path, file) : null;
        Set<String> names = new LinkedHashSet<>(file.tensors().keySet());
        names.removeIf(name -> checkpoint != null && name.startsWith(OPTIMIZER));
        boolean prefixed = names.stream().allMatch(name -> name.startsWith(PREFIX));
        prefix = prefixed && !names.isEmpty() ? PREFIX : "";
        for (String name : names) {
            String plain = name.substring(prefix.length());
            boolean counts = plain.endsWith("." + StateDict.COUNTER);
            (counts ? counters : tensors).put(plain, file.tensors().get(name));
        }
    }

    /**
     * Opens a file and checks its header, and its content where it carries a checksum.
     *
     * @param path a safetensors file
     * @return the open file
     * @throws UserException if it is missing or not a sound safetensors file
     */
    public static StateFile open(Path path) {
        SafetensorsFile file = SafetensorsFile.read(path);
        try {
            file.verify();
            return new StateFile(path, file);
        } catch (RuntimeException | Error failure) {
            file.close();
            throw failure;
        }
    }

    /**
     * Returns the name of the network that the file records.
     *
     * @return the name; null where the file is no checkpoint of ours
     */
    public String model() {
        return checkpoint == null ? null : checkpoint.model();
    }

    /**
     * Returns the preprocessing of the weights, found as for an import.
     *
     * @param model the network's name
     * @return the preprocessing; null where it is not known
     * @throws UserException if the name is unknown, or timm's config.json says what cannot be done
     */
    public Preprocessing preprocessing(String model) {
        Models.Model entry = Models.get(model);
        TensorInfo stem = tensors.get(Layout.of(entry).stem());
        boolean sound = stem != null && stem.shape().length == 4;
        int channels = sound ? (int) Math.min(stem.shape()[1], Integer.MAX_VALUE) : 0;
        return KnownPreprocessing.find(null, checkpoint, path, entry, channels).preprocessing();
    }

    /**
     * Makes a network of the file.
     *
     * @param wanted what the network is to be
     * @param device where its parameters are to live
     * @return the network, and what became of the file's tensors
     * @throws UserException if tensors are missing, superfluous, misshapen or not of a
     *     floating-point type; the message lists them
     */
    public Imported network(Wanted wanted, Device device) {
        return network(
                wanted,
                channels ->
                        KnownPreprocessing.find(
                                wanted.preprocessing(),
                                checkpoint,
                                wanted.beside(),
                                Models.get(wanted.model()),
                                channels),
                device);
    }

    /**
     * Makes a network of the file for training.
     *
     * @param specification what the network is to be
     * @param device where its parameters are to live
     * @return the network
     * @throws UserException as {@link #network(Wanted, Device)}
     */
    public Network network(Specification specification, Device device) {
        Wanted wanted =
                new Wanted(
                        specification.model(),
                        specification.channels(),
                        specification.classNames(),
                        false,
                        0,
                        null,
                        path);
        KnownPreprocessing known = new KnownPreprocessing(specification.preprocessing(), null);
        return network(wanted, channels -> known, device).network();
    }

    private Imported network(
            Wanted wanted, IntFunction<KnownPreprocessing> preprocessing, Device device) {
        Layout layout = Layout.of(Models.get(wanted.model()));
        Mismatches mismatches = new Mismatches();
        Set<String> head = wanted.newHead() ? layout.head() : Set.of();
        Set<String> wrong = noteNames(layout, head, mismatches);
        long channels = sizeOf(layout.stem(), 4, 1, mismatches, wrong);
        long classes = wanted.newHead() ? 1 : sizeOf(layout.headWeight(), 2, 0, mismatches, wrong);
        if (wrong.contains(layout.headWeight())) {
            // how many classes there are is not known, so its bias cannot be judged
            wrong.addAll(layout.head());
        }
        if (wanted.inChannels() != null) {
            channels = wanted.inChannels();
        }
        List<String> classNames = wanted.classNames();
        if (classNames == null) {
            classNames =
                    checkpoint != null && checkpoint.classNames().size() == classes
                            ? checkpoint.classNames()
                            : Network.numbered(Math.toIntExact(classes));
        }
        Map<String, Integer> converted = new TreeMap<>();
        List<String> notFinite = new ArrayList<>();
        Map<String, Initializer> values = new LinkedHashMap<>();
        for (String name : layout.names()) {
            if (wrong.contains(name)) {
                values.put(name, (manager, shape, type) -> manager.zeros(new Shape(0)));
            } else if (!head.contains(name)) {
                values.put(name, reader(name, mismatches, converted, notFinite));
            }
        }
        KnownPreprocessing known = preprocessing.apply(Math.toIntExact(channels));
        Specification specification =
                new Specification(
                        wanted.model(),
                        Math.toIntExact(channels),
                        new Classes(classNames),
                        known.preprocessing());
        Network network = Network.of(specification, device, values, wanted.seed());
        try {
            mismatches.throwIfAny(
                    String.format(
                            "%s does not hold the tensors of a %s for %d channels and %d classes",
                            path, wanted.model(), channels, classNames.size()),
                    wanted.newHead() || wanted.classNames() == null
                            ? ""
                            : "For other classes, import it with a new head (--new-head N)");
            network.setBatchesTracked(counted(network));
        } catch (RuntimeException | Error failure) {
            network.close();
            throw failure;
        }
        return new Imported(
                network,
                List.copyOf(values.keySet()),
                List.copyOf(head),
                tensors.keySet().stream().filter(head::contains).toList(),
                prefix,
                converted,
                notFinite,
                known.source());
    }

    /** Notes what names are missing and superfluous; returns the missing ones. */
    private Set<String> noteNames(Layout layout, Set<String> head, Mismatches mismatches) {
        Set<String> missing = new LinkedHashSet<>(layout.names());
        missing.removeAll(tensors.keySet());
        missing.removeAll(head);
        missing.forEach(mismatches::missing);
        tensors.keySet().stream()
                .filter(name -> !layout.names().contains(name))
                .forEach(mismatches::superfluous);
        return missing;
    }

    /**
     * One size of a tensor of the file that says what the network is. An empty tensor may announce
     * any size in no bytes, so it is noted as wrong.
     */
    private long sizeOf(String name, int rank, int axis, Mismatches mismatches, Set<String> wrong) {
        TensorInfo found = tensors.get(name);
        if (found == null) {
            return 1;
        }
        long[] shape = found.shape();
        boolean empty = Arrays.stream(shape).anyMatch(size -> size == 0);
        if (shape.length != rank || empty || shape[axis] > Integer.MAX_VALUE) {
            mismatches.misshapen(name, describe(found), "of " + rank + " sizes above 0");
            wrong.add(name);
            return 1;
        }
        return shape[axis];
    }

    private static String describe(TensorInfo tensor) {
        return tensor.dtype() + " " + Arrays.toString(tensor.shape());
    }

    /** Reads a tensor; what does not fit is noted, so that all of it can be told at once. */
    private Initializer reader(
            String name,
            Mismatches mismatches,
            Map<String, Integer> converted,
            List<String> notFinite) {
        return (manager, shape, type) -> {
            TensorInfo found = tensors.get(name);
            Dtype dtype = found.dtype();
            if (!Floats.takes(dtype) || !Arrays.equals(found.shape(), shape.getShape())) {
                mismatches.misshapen(
                        name,
                        describe(found),
                        (Floats.takes(dtype) ? dtype : Dtype.F32)
                                + " "
                                + Arrays.toString(shape.getShape()));
                return manager.zeros(new Shape(0));
            }
            ByteBuffer values = Floats.toFloat32(file.data(found.name()), dtype);
            if (dtype != Dtype.F32) {
                converted.merge(dtype.name(), 1, Integer::sum);
            }
            if (!Floats.finite(values)) {
                notFinite.add(name);
            }
            return TensorBytes.toArray(manager, values, shape);
        };
    }

    /**
     * The file's counts of batches; a count that is no whole number or belongs to no layer is 0.
     */
    private Map<String, Long> counted(Network network) {
        if (checkpoint != null) {
            return checkpoint.batchesTracked();
        }
        Map<String, Long> counted = new LinkedHashMap<>();
        for (String name : network.batchesTracked().keySet()) {
            TensorInfo found = counters.get(name);
            if (found != null && found.dtype() == Dtype.I64 && found.shape().length == 0) {
                ByteBuffer data = file.data(found.name()).order(ByteOrder.LITTLE_ENDIAN);
                counted.put(name, data.getLong(0));
            }
        }
        return counted;
    }

    /**
     * Writes a network's weights as torchvision's {@code load_state_dict} takes them, strictly.
     *
     * @param path the file, which is replaced at once if it is there
     * @param network the network
     * @throws IOException if the file cannot be written; an earlier one is whole
     */
    public static void write(Path path, Network network) throws IOException {
        List<Tensor> written = new ArrayList<>();
        network.batchesTracked()
                .forEach(
                        (name, count) -> {
                            ByteBuffer data = ByteBuffer.allocateDirect(Long.BYTES);
                            data.order(ByteOrder.LITTLE_ENDIAN).putLong(0, count);
                            written.add(new Tensor(name, Dtype.I64, new long[0], data));
                        });
        try (NDManager scope = network.manager().newSubManager()) {
            network.stateDict()
                    .forEach((name, array) -> written.add(Tensor.of(name, array, scope)));
            // what PyTorch's own writers put there, and some readers ask for
            SafetensorsFile.write(path, Map.of("format", "pt"), written);
        }
    }

    @Override
    public void close() {
        file.close();
    }
}
