package org.djlresnet.model;

import static java.util.stream.Collectors.joining;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import ai.djl.training.initializer.Initializer;
import ai.djl.util.Pair;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.djlresnet.UserException;
import org.djlresnet.block.Autoencoder;
import org.djlresnet.block.Whitening;
import org.djlresnet.data.Examples;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.engine.Engines;
import org.djlresnet.engine.Precision;
import org.djlresnet.graph.DescribedNetwork;
import org.djlresnet.graph.Graph;
import org.djlresnet.graph.GraphBuilder;
import org.djlresnet.graph.UndescribedException;
import org.djlresnet.graph.Value;
import org.djlresnet.image.ImageShape;

/**
 * A network with its specification, its parameters and its device.
 *
 * <p>It owns its parameters' memory until it is closed. One thread at a time may use it.
 */
public final class Network implements AutoCloseable {

    private final Specification specification;
    private final Models.Model entry;
    private final NDManager manager;
    private final Block block;
    private final Map<String, Parameter> parameters;
    private final ParameterStore parameterStore;

    private Network(
            Specification specification,
            Device device,
            BiFunction<String, Parameter, Initializer> initializers) {
        this.specification = specification;
        entry = Models.get(specification.model());
        block = entry.build(specification.output());
        parameters = StateDict.of(block);
        parameters.forEach(
                (name, parameter) -> parameter.setInitializer(initializers.apply(name, parameter)));
        manager = Engines.current().newBaseManager(device);
        try {
            // a decoder makes images of one size only
            ImageShape image =
                    specification.autoencoding() == null
                            ? entry.input()
                            : specification.autoencoding().image();
            Shape images = new Shape(1, inChannels(), image.height(), image.width());
            block.initialize(manager, DataType.FLOAT32, images);
        } catch (RuntimeException | Error failure) {
            manager.close();
            throw failure;
        }
        parameterStore = new ParameterStore(manager, false);
    }

    /**
     * Creates a network with fresh parameters: He normal weights unless it is built otherwise,
     * biases and running means of 0, running variances of 1, and gammas of 1 or, if the network is
     * built that way, 0.
     *
     * @param specification the specification
     * @param seed the seed of the weights, which are the same on all engines
     * @param device the device of its parameters
     * @return the network
     */
    public static Network create(Specification specification, long seed, Device device) {
        return new Network(
                specification, device, (name, parameter) -> fresh(seed, name, parameter));
    }

    /**
     * Creates a classifier with fresh parameters and its usual preprocessing.
     *
     * @param model its name in {@link Models}
     * @param inChannels the number of input channels, at least 1
     * @param classNames a name for each class, at least 1
     * @param seed the seed of the weights, which are the same on all engines
     * @param device the device of its parameters
     * @return the network
     * @throws UserException if the name is unknown or a number is out of range
     */
    public static Network create(
            String model, int inChannels, List<String> classNames, long seed, Device device) {
        Specification specification =
                Models.get(model).specification(inChannels, new Classes(classNames));
        return create(specification, seed, device);
    }

    /**
     * Creates a network with given parameters, and fresh ones for the rest.
     *
     * @param specification the specification
     * @param device the device of its parameters
     * @param values the values of some tensors, by their names in {@link StateDict}
     * @param seed the seed of the others, which are initialized as in {@link #create}
     * @return the network
     */
    public static Network of(
            Specification specification,
            Device device,
            Map<String, Initializer> values,
            long seed) {
        return new Network(
                specification,
                device,
                (name, parameter) ->
                        values.containsKey(name) ? values.get(name) : fresh(seed, name, parameter));
    }

    private static Initializer fresh(long seed, String name, Parameter parameter) {
        if (parameter.getInitializer() instanceof InitialWeights own) {
            return own.seeded(seed, name);
        }
        return parameter.getType() == Parameter.Type.WEIGHT
                ? InitialWeights.HE_NORMAL.seeded(seed, name)
                : parameter.getInitializer();
    }

    /**
     * Sets the weights that training images determine, such as those of a {@link Whitening}; a new
     * run does this before its first epoch. Most networks have none.
     *
     * @param train the training data
     * @throws UserException if the network's preprocessing is unknown
     */
    public void initialize(Examples train) {
        for (Pair<String, Block> child : block.getChildren()) {
            if (child.getValue() instanceof Whitening whitening) {
                SampledImages images =
                        new SampledImages(train, specification.requirePreprocessing());
                ImageShape shape = images.shape();
                float[] values =
                        Whitening.weights(
                                images.count(),
                                images::get,
                                shape.channels(),
                                shape.height(),
                                shape.width());
                NDArray weight = whitening.getDirectParameters().get("weight").getArray();
                try (NDArray array = manager.create(values, weight.getShape())) {
                    EngineTraits.of(manager.getEngine()).assign(weight, array);
                }
            }
        }
    }

    /**
     * Requires images of a size that the network can compute.
     *
     * @param height their height
     * @param width their width
     * @throws UserException if they are too small, or of another size than an autoencoder's
     */
    public void requireSize(long height, long width) {
        entry.requireSize(height, width);
        Autoencoding images = specification.autoencoding();
        if (images != null
                && (images.image().height() != height || images.image().width() != width)) {
            throw UserException.of(
                    "This %s has another image size. Received: %s×%s. Allowed: %s×%s.",
                    model(), height, width, images.image().height(), images.image().width());
        }
    }

    /**
     * Computes logits from images.
     *
     * @param images float32, (N, C, H, W), on the network's device
     * @param training whether batch normalization uses and updates statistics of this batch
     * @return logits, float32, (N, classes)
     * @throws UserException if the network is an autoencoder
     */
    public NDArray forward(NDArray images, boolean training) {
        requireOneInput(block);
        return forward(new NDList(images), training).get(0);
    }

    /**
     * Computes outputs.
     *
     * @param inputs the arrays of {@link #inputs}, on the network's device
     * @param training whether batch normalization uses and updates statistics of this batch
     * @return the outputs, float32
     */
    public NDList forward(NDList inputs, boolean training) {
        return forward(block, inputs, training);
    }

    /**
     * Computes the outputs of a part.
     *
     * @param part a block of the network
     * @param inputs its inputs, on the network's device
     * @param training whether batch normalization uses and updates statistics of this batch
     * @return its outputs, float32
     */
    NDList forward(Block part, NDList inputs, boolean training) {
        return part.forward(parameterStore, inputs, training);
    }

    /** Rejects a network or part that takes more than one array. */
    void requireOneInput(Block part) {
        if (part instanceof DescribedNetwork described && described.inputs().size() > 1) {
            throw UserException.of(
                    "%s needs these arrays: %s. Use evaluation.AutoencoderInference, or pass a"
                            + " list of them.",
                    model(), described.inputs().stream().map(Value::name).collect(joining(", ")));
        }
    }

    /**
     * Returns what the network takes.
     *
     * @return images, and for an autoencoder noise and perhaps labels
     */
    public List<Value> inputs() {
        return block instanceof DescribedNetwork described
                ? described.inputs()
                : List.of(DescribedNetwork.IMAGES);
    }

    /**
     * Returns the network as an autoencoder.
     *
     * @return its block
     * @throws UserException if it is a classifier
     */
    public Autoencoder autoencoder() {
        if (block instanceof Autoencoder autoencoder) {
            return autoencoder;
        }
        throw UserException.of(
                "%s is a classifier, not an autoencoder. Use a network such as vae-small.",
                model());
    }

    /**
     * Requires a classifier.
     *
     * @throws UserException if the network is an autoencoder
     */
    public void requireClassifier() {
        specification.requireClassifier();
    }

    /**
     * Describes what the network computes, without bypassed branches.
     *
     * @return the graph
     * @throws IllegalArgumentException if a part of the network does not describe itself
     */
    public Graph graph() {
        return graph(block);
    }

    /**
     * Describes what a part of the network computes, without bypassed branches.
     *
     * @param part a block of the network
     * @return the graph
     * @throws IllegalArgumentException if a part of it does not describe itself
     */
    public Graph graph(Block part) {
        return GraphBuilder.describe(part, parameters);
    }

    /**
     * Returns the graph to compile, or null if the network runs as blocks.
     *
     * @param precision the precision of convolutions and activations
     * @param compile whether to compile it if that is possible
     * @return the graph, or null if {@code compile} is false, the engine is not PyTorch, or a part
     *     of the network does not describe itself
     * @throws UserException if the network runs as blocks, and the precision is not float32
     */
    public Graph compilable(Precision precision, boolean compile) {
        return compilable(block, precision, compile);
    }

    /** Returns the graph of a part to compile, or null if it runs as blocks. */
    Graph compilable(Block part, Precision precision, boolean compile) {
        if (compile && EngineTraits.of(manager.getEngine()).compiles()) {
            try {
                return graph(part);
            } catch (UndescribedException foreign) {
                requireFloat32(precision, foreign.getMessage());
                return null;
            }
        }
        requireFloat32(precision, "Blocks of DJL compute in float32.");
        return null;
    }

    /**
     * Finds a precision by name.
     *
     * @param name float32, bfloat16 or auto
     * @return the precision; for auto, float32 if the network runs as blocks
     * @throws UserException if the name is unknown
     */
    public Precision precision(String name) {
        boolean free = name.equals(Precision.AUTO);
        return free && compilable(Precision.FLOAT32, true) == null
                ? Precision.FLOAT32
                : Precision.of(name);
    }

    private static void requireFloat32(Precision precision, String reason) {
        if (precision != Precision.FLOAT32) {
            throw new UserException(
                    "bfloat16 needs a compiled network and the PyTorch engine. "
                            + reason
                            + " Use float32.");
        }
    }

    /**
     * Returns the specification.
     *
     * @return the specification
     */
    public Specification specification() {
        return specification;
    }

    /**
     * Returns the network's name in {@link Models}.
     *
     * @return the name
     */
    public String model() {
        return specification.model();
    }

    /**
     * Returns the number of input channels.
     *
     * @return the number
     */
    public int inChannels() {
        return specification.channels();
    }

    /**
     * Returns the names of the classes.
     *
     * @return a name for each logit; for an autoencoder, the classes that it is conditional on
     */
    public List<String> classNames() {
        return specification.classNames();
    }

    /**
     * Returns the manager that owns the parameters.
     *
     * @return the manager
     */
    public NDManager manager() {
        return manager;
    }

    /**
     * Returns the network as a DJL block.
     *
     * @return the block
     */
    public Block block() {
        return block;
    }

    /**
     * Returns all parameters, under torchvision's names.
     *
     * @return the parameters, running statistics included
     */
    public Map<String, Parameter> parameters() {
        return parameters;
    }

    /**
     * Returns the values of all parameters.
     *
     * @return float32 arrays by torchvision's names, in torchvision's shapes; the network's own
     *     arrays, not copies
     */
    public Map<String, NDArray> stateDict() {
        Map<String, NDArray> values = new LinkedHashMap<>();
        parameters.forEach((name, parameter) -> values.put(name, parameter.getArray()));
        return values;
    }

    /**
     * Replaces the values of all parameters; after an error none has changed.
     *
     * @param values float32 arrays by torchvision's names, on the network's device; they are copied
     * @throws UserException if arrays are missing, unexpected or have another type or shape; the
     *     message lists them
     */
    public void loadStateDict(Map<String, NDArray> values) {
        Mismatches mismatches = new Mismatches();
        parameters.forEach(
                (name, parameter) -> {
                    NDArray value = values.get(name);
                    Shape shape = parameter.getArray().getShape();
                    if (value == null) {
                        mismatches.missing(name);
                    } else if (value.getDataType() != DataType.FLOAT32
                            || !value.getShape().equals(shape)) {
                        mismatches.misshapen(
                                name,
                                value.getDataType() + " " + value.getShape(),
                                DataType.FLOAT32 + " " + shape);
                    }
                });
        values.keySet().stream()
                .filter(name -> !parameters.containsKey(name))
                .forEach(mismatches::unexpected);
        mismatches.throwIfAny("These are not the tensors of this " + model(), "");
        EngineTraits traits = EngineTraits.of(manager.getEngine());
        parameters.forEach(
                (name, parameter) -> traits.assign(parameter.getArray(), values.get(name)));
    }

    /**
     * Returns the number of batches in the running statistics of each batch normalization.
     *
     * @return the counts by torchvision's names, which end in {@code num_batches_tracked}
     */
    public Map<String, Long> batchesTracked() {
        Map<String, Long> counts = new LinkedHashMap<>();
        StateDict.counters(block)
                .forEach((name, batchNorm) -> counts.put(name, batchNorm.batchesTracked()));
        return counts;
    }

    /**
     * Sets the number of batches in the running statistics. This does not affect results.
     *
     * @param counts the counts by torchvision's names; 0 for missing names
     */
    public void setBatchesTracked(Map<String, Long> counts) {
        StateDict.counters(block)
                .forEach(
                        (name, batchNorm) ->
                                batchNorm.setBatchesTracked(counts.getOrDefault(name, 0L)));
    }

    @Override
    public void close() {
        parameters.values().forEach(Parameter::close);
        manager.close();
    }
}
