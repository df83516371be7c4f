package org.djlresnet.checkpoint;

import ai.djl.Device;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.initializer.Initializer;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import org.djlresnet.UserException;
import org.djlresnet.model.Mismatches;
import org.djlresnet.model.Network;
import org.djlresnet.model.Specification;
import org.djlresnet.model.TensorBytes;

/** Reads tensors into a network, as float32, and lists all that do not fit in one message. */
public final class TensorReader {

    private final String subject;
    private final Map<String, TensorInfo> tensors;
    private final Function<String, ByteBuffer> data;
    private final Mismatches mismatches = new Mismatches();
    private final Map<String, Integer> converted = new TreeMap<>();
    private final List<String> notFinite = new ArrayList<>();

    /**
     * Creates a reader; nothing is read yet.
     *
     * @param subject the start of a message, such as "x.safetensors does not contain the tensors of
     *     a resnet50"
     * @param tensors the tensors by the network's names
     * @param data the elements of a tensor by its own name, little-endian in a direct buffer
     */
    public TensorReader(
            String subject, Map<String, TensorInfo> tensors, Function<String, ByteBuffer> data) {
        this.subject = subject;
        this.tensors = tensors;
        this.data = data;
    }

    /**
     * Checks the names.
     *
     * @param expected the network's names
     * @param advice the end of the message, or an empty text
     * @throws UserException if tensors are missing or unexpected
     */
    public void requireNames(Set<String> expected, String advice) {
        expected.stream().filter(name -> !tensors.containsKey(name)).forEach(mismatches::missing);
        tensors.keySet().stream()
                .filter(name -> !expected.contains(name))
                .forEach(mismatches::unexpected);
        requireFit(advice);
    }

    /**
     * Returns the length of an axis.
     *
     * @param name the name of a tensor, which must be present
     * @param rank the expected number of axes
     * @param axis the axis
     * @return the length, at least 1
     * @throws UserException if the tensor has another rank, or is empty: it may declare any length
     */
    public int length(String name, int rank, int axis) {
        TensorInfo found = tensors.get(name);
        long[] shape = found.shape();
        if (shape.length != rank
                || Arrays.stream(shape).anyMatch(size -> size < 1 || size > Integer.MAX_VALUE)) {
            mismatches.misshapen(name, form(found), "of " + rank + " sizes above 0");
            requireFit("");
        }
        return (int) shape[axis];
    }

    /**
     * Returns an initializer that reads a tensor. If the tensor does not fit, the initializer
     * records this for {@link #requireFit} and returns an empty array.
     *
     * @param name the name of a tensor, which must be present
     * @return the initializer
     */
    public Initializer initializer(String name) {
        return (manager, shape, type) -> {
            TensorInfo found = tensors.get(name);
            Dtype dtype = found.dtype();
            if (!Floats.accepts(dtype) || !Arrays.equals(found.shape(), shape.getShape())) {
                mismatches.misshapen(
                        name,
                        form(found),
                        (Floats.accepts(dtype) ? dtype : Dtype.F32)
                                + " "
                                + Arrays.toString(shape.getShape()));
                return manager.zeros(new Shape(0));
            }
            ByteBuffer values = Floats.toFloat32(data.apply(found.name()), dtype);
            if (dtype != Dtype.F32) {
                converted.merge(dtype.name(), 1, Integer::sum);
            }
            if (!Floats.finite(values)) {
                notFinite.add(name);
            }
            return TensorBytes.toArray(manager, values, shape);
        };
    }

    private static String form(TensorInfo tensor) {
        return tensor.dtype() + " " + Arrays.toString(tensor.shape());
    }

    /**
     * Checks that all tensors fit.
     *
     * @param advice the end of the message, or an empty text
     * @throws UserException if some do not
     */
    public void requireFit(String advice) {
        mismatches.throwIfAny(subject, advice);
    }

    /**
     * Creates a network with the tensors.
     *
     * @param specification its specification
     * @param device the device of its parameters
     * @param names the names of the tensors to read
     * @param seed the seed of the others, which get initial values
     * @param advice the end of a message, or an empty text
     * @return the network
     * @throws UserException if some tensors do not fit
     */
    public Network network(
            Specification specification,
            Device device,
            Set<String> names,
            long seed,
            String advice) {
        Map<String, Initializer> values = new LinkedHashMap<>();
        names.forEach(name -> values.put(name, initializer(name)));
        Network network = Network.of(specification, device, values, seed);
        try {
            requireFit(advice);
        } catch (UserException unfit) {
            network.close();
            throw unfit;
        }
        return network;
    }

    /**
     * Returns the number of tensors converted to float32.
     *
     * @return the numbers by type
     */
    public Map<String, Integer> converted() {
        return converted;
    }

    /**
     * Returns the tensors with a NaN or an infinity.
     *
     * @return their names
     */
    public List<String> notFinite() {
        return notFinite;
    }
}
