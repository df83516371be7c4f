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

/** The tensors of a checkpoint: which they must be, and what makes arrays of them. */
final class CheckpointTensors {

    /** How the names of the optimizer's tensors begin. */
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
     * @param output what the network gives
     * @return what makes each parameter; a shape or type that is wrong is noted as it is met, for
     *     {@link #requireFit}
     * @throws UserException if tensors are missing or superfluous; the message lists them
     */
    Map<String, Initializer> network(Output output) {
        Set<String> expected = StateDict.of(Models.get(model).build(output)).keySet();
        expected.stream()
                .filter(name -> !file.tensors().containsKey(name))
                .forEach(name -> problems.add("no " + name));
        file.tensors().keySet().stream()
                .filter(name -> !name.startsWith(OPTIMIZER) && !expected.contains(name))
                .forEach(name -> problems.add("unexpected " + name));
        requireFit();
        Map<String, Initializer> values = new LinkedHashMap<>();
        expected.forEach(name -> values.put(name, reader(name)));
        return values;
    }

    /** Finds the optimizer's tensors, by their names without {@value #OPTIMIZER}. */
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
                            throw new UserException(path + ": " + misfit(tensor, shape));
                        }
                        return TensorBytes.toArray(manager, bytes, shape);
                    });
        }
        return state;
    }

    /** Reads a tensor; what does not fit is noted, so that all of it can be told at once. */
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
        return String.format(
                "%s is %s %s, not %s %s",
                found.name(),
                found.dtype(),
                Arrays.toString(found.shape()),
                Dtype.F32,
                Arrays.toString(shape.getShape()));
    }

    /**
     * Checks that all tensors fitted.
     *
     * @throws UserException if one did not; the message lists them
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
                        + " does not hold the tensors of a "
                        + model
                        + ": "
                        + String.join(
                                ", ", problems.subList(0, Math.min(MOST_LISTED, problems.size())))
                        + rest);
    }

    private static ByteBuffer nativeOrder(ByteBuffer littleEndian) {
        return Tensor.swapped(littleEndian).order(ByteOrder.nativeOrder());
    }
}
