package org.djlresnet.checkpoint;

import ai.djl.ndarray.types.Shape;
import ai.djl.training.initializer.Initializer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.djlresnet.UserException;
import org.djlresnet.model.Models;
import org.djlresnet.model.Output;
import org.djlresnet.model.StateDict;
import org.djlresnet.model.TensorBytes;

/** Checks the tensors of a checkpoint and provides initializers that read them. */
final class CheckpointTensors {

    /** The prefix of the optimizer's tensors. */
    static final String OPTIMIZER = "optimizer/";

    private static final int MOST_LISTED = 5;

    private final Path path;
    private final SafetensorsFile file;
    private final String model;
    private final List<String> problems = new ArrayList<>();

    /**
     * @param path the file's path, for messages
     * @param file the open file
     * @param model the name of its network
     */
    CheckpointTensors(Path path, SafetensorsFile file, String model) {
        this.path = path;
        this.file = file;
        this.model = model;
    }

    /**
     * Finds the network's tensors.
     *
     * @param output the network's output
     * @return an initializer for each parameter; they record wrong shapes and types for {@link
     *     #requireFit}
     * @throws UserException if tensors are missing or unexpected; the message lists them
     */
    Map<String, Initializer> network(Output output) {
        Set<String> expected = StateDict.of(Models.get(model).build(output)).keySet();
        expected.stream()
                .filter(name -> !file.tensors().containsKey(name))
                .forEach(name -> problems.add("missing " + name));
        file.tensors().keySet().stream()
                .filter(name -> !name.startsWith(OPTIMIZER) && !expected.contains(name))
                .forEach(name -> problems.add("unexpected " + name));
        requireFit();
        Map<String, Initializer> values = new LinkedHashMap<>();
        expected.forEach(name -> values.put(name, reader(name)));
        return values;
    }

    /** Returns initializers for the optimizer's arrays by their names without the prefix. */
    Map<String, Initializer> optimizer() {
        Map<String, Initializer> state = new LinkedHashMap<>();
        for (TensorInfo tensor : file.tensors().values()) {
            if (!tensor.name().startsWith(OPTIMIZER)) {
                continue;
            }
            ByteBuffer bytes = nativeOrder(file.data(tensor.name()));
            state.put(
                    tensor.name().substring(OPTIMIZER.length()),
                    (manager, shape, type) -> {
                        if (!fits(tensor, shape)) {
                            throw new UserException(
                                    "%s has a wrong tensor: %s."
                                            .formatted(path, misfit(tensor, shape)));
                        }
                        return TensorBytes.toArray(manager, bytes, shape);
                    });
        }
        return state;
    }

    /** Reads a tensor, or records a mismatch, so that one message can list them all. */
    private Initializer reader(String name) {
        return (manager, shape, type) -> {
            TensorInfo found = file.tensors().get(name);
            if (!fits(found, shape)) {
                problems.add(misfit(found, shape));
                return manager.zeros(new Shape(0));
            }
            return TensorBytes.toArray(manager, nativeOrder(file.data(name)), shape);
        };
    }

    private static boolean fits(TensorInfo found, Shape shape) {
        return found.dtype() == Dtype.F32 && Arrays.equals(found.shape(), shape.getShape());
    }

    private static String misfit(TensorInfo found, Shape shape) {
        return "%s is %s %s, not %s %s"
                .formatted(
                        found.name(),
                        found.dtype(),
                        Arrays.toString(found.shape()),
                        Dtype.F32,
                        Arrays.toString(shape.getShape()));
    }

    /**
     * Checks that all tensors fit.
     *
     * @throws UserException if some do not; the message lists them
     */
    void requireFit() {
        if (problems.isEmpty()) {
            return;
        }
        String rest =
                problems.size() > MOST_LISTED
                        ? ", and " + (problems.size() - MOST_LISTED) + " more"
                        : "";
        throw new UserException(
                path
                        + " does not contain the tensors of a "
                        + model
                        + ": "
                        + String.join(
                                ", ", problems.subList(0, Math.min(MOST_LISTED, problems.size())))
                        + rest
                        + ".");
    }

    private static ByteBuffer nativeOrder(ByteBuffer littleEndian) {
        return Tensor.swapped(littleEndian).order(ByteOrder.nativeOrder());
    }
}
