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
import org.djlresnet.model.TensorBytes;

/**
 * Reads and writes a network's weights in a safetensors file with torchvision's and timm's names.
 *
 * <p>Reading removes the prefixes of wrappers and accepts a last layer under other names ({@link
 * TensorNames}), converts float16, bfloat16 and float64 to float32, and does not need {@code
 * num_batches_tracked}. It also accepts a checkpoint of this library, without the optimizer's
 * state. Nothing is allocated unless names, types and shapes fit.
 */
public final class StateFile implements AutoCloseable {

    private static final String OPTIMIZER = "optimizer/";

    /**
     * The requested network.
     *
     * @param model its name in {@link Models}
     * @param inChannels the number of input channels, or null for the file's
     * @param classNames a name for each class, or null for the file's classes, numbered
     * @param newHead whether the last layer is new, for the given classes, instead of the file's
     * @param seed the seed of a new last layer
     * @param preprocessing a preset's name or JSON, or null to detect it
     * @param beside the original path of the file; timm's config.json is expected next to it
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
     * An imported network and a report.
     *
     * @param network the network
     * @param taken the names of the network's tensors from the file
     * @param fresh the names of the network's new tensors
     * @param left the names of the file's tensors not in the network: those of a replaced last
     *     layer
     * @param prefix the prefix that was removed from the names, or an empty text
     * @param converted the number of tensors converted to float32 by their types
     * @param notFinite the names of tensors with a NaN or an infinity
     * @param preprocessingSource the source of the preprocessing: "given", "file", "timm" or
     *     "torchvision"; null if unknown
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

    private StateFile(Path path, SafetensorsFile file) {
        this.path = path;
        this.file = file;
        checkpoint = Checkpoint.isCheckpoint(file) ? Checkpoint.of(path, file) : null;
    }

    private TensorNames names(Layout layout) {
        Map<String, TensorInfo> tensors = new LinkedHashMap<>(file.tensors());
        tensors.keySet().removeIf(name -> checkpoint != null && name.startsWith(OPTIMIZER));
        return TensorNames.of(tensors, layout);
    }

    /**
     * Opens a file, and verifies its checksum if it has one.
     *
     * @param path a safetensors file
     * @return the open file
     * @throws UserException if it is missing, damaged or not a safetensors file
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
     * Returns the model that the file records.
     *
     * @return its name; null unless the file is a checkpoint of this library
     */
    public String model() {
        return checkpoint == null ? null : checkpoint.model();
    }

    /**
     * Finds the preprocessing of the weights, as an import does.
     *
     * @param model the network's name
     * @return the preprocessing; null if unknown
     * @throws UserException if the name is unknown, or timm's config.json is not supported
     */
    public Preprocessing preprocessing(String model) {
        Models.Model entry = Models.get(model);
        Layout layout = Layout.of(entry);
        TensorInfo stem = names(layout).tensors().get(layout.stem());
        boolean valid = stem != null && stem.shape().length == 4;
        int channels = valid ? (int) Math.min(stem.shape()[1], Integer.MAX_VALUE) : 0;
        return KnownPreprocessing.find(null, checkpoint, path, entry, channels).preprocessing();
    }

    /**
     * Imports a network.
     *
     * @param wanted the requested network
     * @param device the device of its parameters
     * @return the network and a report
     * @throws UserException if tensors are missing, unexpected, or have another shape or a type
     *     that is not floating-point; the message lists them
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
     * Imports a network for training.
     *
     * @param specification the requested network
     * @param device the device of its parameters
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
        TensorNames names = names(layout);
        Map<String, TensorInfo> tensors = names.tensors();
        Set<String> head = wanted.newHead() ? layout.head() : Set.of();
        List<String> left =
                tensors.keySet().stream()
                        .filter(name -> wanted.newHead() && TensorNames.isHead(name))
                        .toList();
        tensors.keySet().removeAll(left);
        Mismatches mismatches = new Mismatches();
        Set<String> wrong = noteNames(layout, head, tensors, mismatches);
        long channels = sizeOf(layout.stem(), 4, 1, tensors, mismatches, wrong);
        long classes =
                wanted.newHead()
                        ? 1
                        : sizeOf(layout.headWeight(), 2, 0, tensors, mismatches, wrong);
        if (wrong.contains(layout.headWeight())) {
            // the number of classes is unknown, so the bias cannot be checked
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
                values.put(name, reader(name, tensors, mismatches, converted, notFinite));
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
                    "%s does not contain the tensors of a %s (input channels %s, classes %s)"
                            .formatted(path, wanted.model(), channels, classNames.size()),
                    wanted.newHead()
                                    || wanted.classNames() == null
                                            && tensors.containsKey(layout.headWeight())
                            ? ""
                            : (wanted.classNames() == null
                                            ? ""
                                            : "Give one class name per class of the weights. ")
                                    + "For other classes, use a new head (new_head in Python, --new-head N on the"
                                    + " command line).");
            network.setBatchesTracked(batchesTracked(network, names.counters()));
        } catch (RuntimeException | Error failure) {
            network.close();
            throw failure;
        }
        return new Imported(
                network,
                List.copyOf(values.keySet()),
                List.copyOf(head),
                left,
                names.prefix(),
                converted,
                notFinite,
                known.source());
    }

    /** Records missing and unexpected names, and returns the missing ones. */
    private static Set<String> noteNames(
            Layout layout,
            Set<String> head,
            Map<String, TensorInfo> tensors,
            Mismatches mismatches) {
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
     * Returns the size of an axis of a tensor. An empty tensor is recorded as wrong, because it may
     * declare any size.
     */
    private static long sizeOf(
            String name,
            int rank,
            int axis,
            Map<String, TensorInfo> tensors,
            Mismatches mismatches,
            Set<String> wrong) {
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

    /** Reads a tensor, or records a mismatch, so that one message can list them all. */
    private Initializer reader(
            String name,
            Map<String, TensorInfo> tensors,
            Mismatches mismatches,
            Map<String, Integer> converted,
            List<String> notFinite) {
        return (manager, shape, type) -> {
            TensorInfo found = tensors.get(name);
            Dtype dtype = found.dtype();
            if (!Floats.accepts(dtype) || !Arrays.equals(found.shape(), shape.getShape())) {
                mismatches.misshapen(
                        name,
                        describe(found),
                        (Floats.accepts(dtype) ? dtype : Dtype.F32)
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

    /** Returns the file's batch counts; missing and invalid ones are skipped. */
    private Map<String, Long> batchesTracked(Network network, Map<String, TensorInfo> counters) {
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
     * Writes a network's weights under torchvision's names. For the networks that torchvision has,
     * its {@code load_state_dict} accepts them in strict mode.
     *
     * @param path the file; an existing one is replaced atomically
     * @param network the network
     * @throws IOException if the file cannot be written; an existing one is unchanged
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
            // PyTorch's own writer adds it, and some readers require it
            SafetensorsFile.write(path, Map.of("format", "pt"), written);
        }
    }

    @Override
    public void close() {
        file.close();
    }
}
