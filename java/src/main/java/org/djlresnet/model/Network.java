package org.djlresnet.model;

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
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.stream.IntStream;
import org.djlresnet.UserException;

/**
 * A network with its parameters, its device and the names of its classes.
 *
 * <p>It owns its parameters' memory until it is closed. One thread at a time may use it.
 */
public final class Network implements AutoCloseable {

    private final String model;
    private final int inChannels;
    private final List<String> classNames;
    private final NDManager manager;
    private final Block block;
    private final Map<String, Parameter> parameters;
    private final ParameterStore parameterStore;

    private Network(
            String model,
            int inChannels,
            List<String> classNames,
            Device device,
            BiFunction<String, Parameter, Initializer> initializers) {
        Models.Model entry = Models.get(model);
        if (inChannels < 1 || classNames.isEmpty()) {
            throw new UserException(
                    "A network needs at least 1 input channel and 1 class. Received: in_channels="
                            + inChannels
                            + ", classes="
                            + classNames.size());
        }
        this.model = model;
        this.inChannels = inChannels;
        this.classNames = List.copyOf(classNames);
        block = entry.build(classNames.size());
        parameters = StateDict.of(block);
        parameters.forEach(
                (name, parameter) -> parameter.setInitializer(initializers.apply(name, parameter)));
        manager = NDManager.newBaseManager(device);
        Shape input = new Shape(1, inChannels, entry.input().get(2), entry.input().get(3));
        try {
            block.initialize(manager, DataType.FLOAT32, input);
        } catch (RuntimeException | Error failure) {
            manager.close();
            throw failure;
        }
        parameterStore = new ParameterStore(manager, false);
    }

    /**
     * Creates a network with fresh weights: He normal weights, biases and running means of 0,
     * running variances of 1, scales of 1 or, where the network says so, of 0.
     *
     * @param model its name in {@link Models}
     * @param inChannels the number of input channels, at least 1
     * @param classNames a name for each class, at least 1
     * @param seed the seed of the weights, which are equal on all engines
     * @param device where its parameters live
     * @return the network
     * @throws UserException if the name is unknown or a number is out of range
     */
    public static Network create(
            String model, int inChannels, List<String> classNames, long seed, Device device) {
        return new Network(
                model,
                inChannels,
                classNames,
                device,
                (name, parameter) ->
                        parameter.getType() == Parameter.Type.WEIGHT
                                ? new HeNormal(seed, name)
                                : parameter.getInitializer());
    }

    /**
     * Creates a network with given parameters.
     *
     * @param model its name in {@link Models}
     * @param inChannels the number of input channels, at least 1
     * @param classNames a name for each class, at least 1
     * @param device where its parameters live
     * @param values gives each tensor its values by its name in {@link StateDict}
     * @return the network
     * @throws UserException if the name is unknown or a number is out of range
     */
    public static Network of(
            String model,
            int inChannels,
            List<String> classNames,
            Device device,
            Map<String, Initializer> values) {
        return new Network(
                model, inChannels, classNames, device, (name, parameter) -> values.get(name));
    }

    /**
     * Names classes that have no names.
     *
     * @param classes how many
     * @return "0", "1", …
     */
    public static List<String> numbered(int classes) {
        return IntStream.range(0, classes).mapToObj(Integer::toString).toList();
    }

    /**
     * Computes logits from images.
     *
     * @param images float32, (N, C, H, W), on the network's device
     * @param training whether batch normalization uses and updates statistics of this batch
     * @return logits, float32, (N, classes)
     */
    public NDArray forward(NDArray images, boolean training) {
        return block.forward(parameterStore, new NDList(images), training).singletonOrThrow();
    }

    /**
     * Returns the network's name in {@link Models}.
     *
     * @return the name
     */
    public String model() {
        return model;
    }

    /**
     * Returns the number of input channels.
     *
     * @return the number
     */
    public int inChannels() {
        return inChannels;
    }

    /**
     * Returns the names of the classes.
     *
     * @return a name for each logit
     */
    public List<String> classNames() {
        return classNames;
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
     * Returns the network itself, for code of DJL.
     *
     * @return the block
     */
    public Block block() {
        return block;
    }

    /**
     * Returns all parameters by torchvision's names.
     *
     * @return the parameters, running statistics included
     */
    public Map<String, Parameter> parameters() {
        return parameters;
    }

    @Override
    public void close() {
        manager.close();
    }
}
