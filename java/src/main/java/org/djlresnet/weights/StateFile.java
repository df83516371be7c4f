package org.djlresnet.weights;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.djlresnet.UserException;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.checkpoint.Dtype;
import org.djlresnet.checkpoint.SafetensorsFile;
import org.djlresnet.checkpoint.Tensor;
import org.djlresnet.checkpoint.TensorInfo;
import org.djlresnet.checkpoint.TensorReader;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Models;
import org.djlresnet.model.Network;
import org.djlresnet.model.Specification;

/**
 * Reads and writes a network's weights in a safetensors file with torchvision's and timm's names.
 *
 * <p>Reading removes the prefixes of wrappers and accepts a last layer under other names ({@link
 * TensorNames}), converts float16, bfloat16 and float64 to float32, and does not need {@code
 * num_batches_tracked}. Metadata entries of this library record the network's name and its
 * preprocessing; other programs ignore them. It also accepts a checkpoint of this library: it takes
 * the average of the weights if there is one, and no state of the optimizer. Nothing is allocated
 * unless names, types and shapes fit.
 */
public final class StateFile implements AutoCloseable {

    /** The metadata key of the network's name. */
    private static final String MODEL = "py_djl_resnet.model";

    /** The metadata key of the preprocessing, see {@link Preprocessing#toJson}. */
    private static final String PREPROCESSING = "py_djl_resnet.preprocessing";

    private static final String NEW_HEAD =
            "For other classes, use a new head (new_head in Python, --new-head N on the command line).";

    private static final String SAME_AUTOENCODER =
            "Set image size, latent dimensions, classes and objective to those of the weights.";

    /**
     * The requested network.
     *
     * @param model its name in {@link Models}
     * @param inChannels the number of input channels, or null for the file's
     * @param classNames a name for each class, or null for the file's classes, numbered
     * @param newHead whether the last layer is new, for the given classes, instead of the file's
     * @param seed the seed of a new last layer
     * @param preprocessing a preset's name or JSON, or null to detect it
     * @param original the original path of the file; timm's config.json is expected next to it
     */
    public record Wanted(
            String model,
            Integer inChannels,
            List<String> classNames,
            boolean newHead,
            long seed,
            String preprocessing,
            Path original) {}

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
        if (Checkpoint.isCheckpoint(file)) {
            checkpoint = Checkpoint.of(path, file);
        } else {
            checkpoint = null;
            file.verify();
        }
    }

    private TensorNames names(Layout layout) {
        Map<String, TensorInfo> tensors =
                checkpoint == null ? new LinkedHashMap<>(file.tensors()) : checkpoint.weights(true);
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
            return new StateFile(path, file);
        } catch (RuntimeException | Error failure) {
            file.close();
            throw failure;
        }
    }

    /**
     * Returns the model that the file records.
     *
     * @return its name; null unless the file is a checkpoint or an export of this library
     */
    public String model() {
        return checkpoint == null ? file.metadata().get(MODEL) : checkpoint.specification().model();
    }

    private KnownPreprocessing known(
            String given, Path original, Models.Model entry, int channels) {
        String text = file.metadata().get(PREPROCESSING);
        Preprocessing recorded =
                checkpoint != null
                        ? checkpoint.specification().preprocessing()
                        : text == null ? null : Preprocessing.of(text, channels);
        return KnownPreprocessing.find(given, recorded, original, entry, channels);
    }

    /**
     * Finds the preprocessing of the weights, as an import does.
     *
     * @param model the network's name
     * @return the preprocessing; null if unknown
     * @throws UserException if the name is unknown, or timm's config.json is not supported
     */
    public Preprocessing preprocessing(String model) {
        return known(null, path, Models.get(model), channels(model)).preprocessing();
    }

    /**
     * Returns the number of channels of the images that the first convolution takes.
     *
     * @param model the network's name
     * @return the number; 0 if the file has no such convolution
     * @throws UserException if the name is unknown
     */
    public int channels(String model) {
        Models.Model entry = Models.get(model);
        Layout layout = entry.isAutoencoder() ? Layout.of(entry, entry.output()) : Layout.of(entry);
        TensorInfo stem = names(layout).tensors().get(layout.stem());
        return stem != null && stem.shape().length == 4 ? (int) stem.shape()[1] : 0;
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
        Models.Model entry = Models.get(wanted.model());
        if (entry.isAutoencoder()) {
            throw UserException.of(
                    "The weights of an autoencoder are not imported. Received: %s. Load a checkpoint"
                            + " with load, or train from an export with --weights.",
                    wanted.model());
        }
        Layout layout = Layout.of(entry);
        TensorNames names = names(layout);
        Map<String, TensorInfo> tensors = names.tensors();
        Set<String> fresh = wanted.newHead() ? layout.head() : Set.of();
        List<String> left =
                tensors.keySet().stream()
                        .filter(name -> wanted.newHead() && TensorNames.isHead(name))
                        .toList();
        tensors.keySet().removeAll(left);
        Set<String> taken = new LinkedHashSet<>(layout.names());
        taken.removeAll(fresh);
        String other =
                model() == null || model().equals(wanted.model())
                        ? ""
                        : (checkpoint == null ? " was exported from a " : " is a checkpoint of a ")
                                + model()
                                + " and";
        TensorReader reader =
                new TensorReader(
                        path + other + " does not contain the tensors of a " + wanted.model(),
                        tensors,
                        file::data);
        Set<String> missing = new LinkedHashSet<>(taken);
        missing.removeAll(tensors.keySet());
        boolean lacksHead =
                missing.contains(layout.headWeight()) && layout.head().containsAll(missing);
        reader.requireNames(taken, lacksHead ? NEW_HEAD : "");
        int channels =
                wanted.inChannels() == null
                        ? reader.length(layout.stem(), 4, 1)
                        : wanted.inChannels();
        List<String> classNames = wanted.classNames();
        if (classNames == null) {
            int classes = wanted.newHead() ? 1 : reader.length(layout.headWeight(), 2, 0);
            classNames = Classes.numbered(classes).names();
            if (checkpoint != null && checkpoint.specification().classNames().size() == classes) {
                classNames = checkpoint.specification().classNames();
            }
        }
        KnownPreprocessing known =
                known(wanted.preprocessing(), wanted.original(), entry, channels);
        Specification specification =
                new Specification(
                        wanted.model(), channels, new Classes(classNames), known.preprocessing());
        String advice =
                wanted.newHead() || wanted.classNames() == null
                        ? ""
                        : "Give one class name per class of the weights. " + NEW_HEAD;
        Network network = reader.network(specification, device, taken, wanted.seed(), advice);
        network.setBatchesTracked(
                checkpoint == null ? names.counts(file::data) : checkpoint.batchesTracked());
        return new Imported(
                network,
                List.copyOf(taken),
                List.copyOf(fresh),
                left,
                names.prefix(),
                reader.converted(),
                reader.notFinite(),
                known.source());
    }

    /**
     * Imports a network for training.
     *
     * @param specification the requested network, with a preprocessing
     * @param device the device of its parameters
     * @return the network
     * @throws UserException as {@link #network(Wanted, Device)}
     */
    public Network network(Specification specification, Device device) {
        if (specification.autoencoding() != null) {
            return autoencoder(specification, device);
        }
        Wanted wanted =
                new Wanted(
                        specification.model(),
                        specification.channels(),
                        specification.classNames(),
                        false,
                        0,
                        specification.requirePreprocessing().toJson(),
                        path);
        return network(wanted, device).network();
    }

    private Network autoencoder(Specification specification, Device device) {
        Layout layout = Layout.of(Models.get(specification.model()), specification.output());
        TensorNames names = names(layout);
        TensorReader reader =
                new TensorReader(
                        path + " does not contain the tensors of this " + specification.model(),
                        names.tensors(),
                        file::data);
        reader.requireNames(layout.names(), SAME_AUTOENCODER);
        Network network =
                reader.network(specification, device, layout.names(), 0, SAME_AUTOENCODER);
        network.setBatchesTracked(
                checkpoint == null ? names.counts(file::data) : checkpoint.batchesTracked());
        return network;
    }

    /**
     * Replaces all tensors of a network, or none if there is an error. Names and types may differ
     * as in a file.
     *
     * @param network the network
     * @param state the tensors; batch counts that are missing become 0
     * @return the names of tensors with a NaN or an infinity
     * @throws UserException if tensors are missing, unexpected or of another shape; the message
     *     lists them
     */
    public static List<String> load(Network network, List<Tensor> state) {
        Map<String, TensorInfo> tensors = new LinkedHashMap<>();
        Map<String, ByteBuffer> data = new HashMap<>();
        for (Tensor tensor : state) {
            int bytes = tensor.data().remaining();
            TensorInfo info =
                    new TensorInfo(tensor.name(), tensor.dtype(), tensor.shape(), 0, bytes);
            tensors.put(tensor.name(), info);
            data.put(tensor.name(), tensor.data());
        }
        Layout layout = Layout.of(Models.get(network.model()), network.specification().output());
        TensorNames names = TensorNames.of(tensors, layout);
        TensorReader reader =
                new TensorReader(
                        "The state dict does not fit this " + network.model(),
                        names.tensors(),
                        data::get);
        Map<String, NDArray> own = network.stateDict();
        reader.requireNames(own.keySet(), "");
        try (NDManager scope = network.manager().newSubManager()) {
            Map<String, NDArray> values = new LinkedHashMap<>();
            own.forEach(
                    (name, array) ->
                            values.put(
                                    name,
                                    reader.initializer(name)
                                            .initialize(
                                                    scope, array.getShape(), DataType.FLOAT32)));
            reader.requireFit("");
            network.loadStateDict(values);
        }
        network.setBatchesTracked(names.counts(data::get));
        return reader.notFinite();
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
            Map<String, String> metadata = new LinkedHashMap<>();
            // PyTorch's own writer adds it, and some readers require it
            metadata.put("format", "pt");
            metadata.put(MODEL, network.model());
            Preprocessing preprocessing = network.specification().preprocessing();
            if (preprocessing != null) {
                metadata.put(PREPROCESSING, preprocessing.toJson());
            }
            SafetensorsFile.write(path, metadata, written);
        }
    }

    @Override
    public void close() {
        file.close();
    }
}
