package org.djlresnet.landscape;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.data.SplitMix64;
import org.djlresnet.model.Network;
import org.djlresnet.model.TensorBytes;

/**
 * Draws random directions in the space of a network's weights.
 *
 * <p>Each number is drawn from the standard normal distribution and then normalized. A direction
 * depends only on the seed, its surface, its axis, and the names, shapes and values of the tensors.
 * Tensors of one dimension (biases, batch normalization) are left out on request; otherwise {@link
 * Normalization#FILTER} treats each as one filter. Running statistics and parameters that are never
 * trained are always left out.
 */
public final class Directions {

    /** A tensor of the network as it is at first. */
    private record Tensor(String name, Shape shape, float[] values) {}

    private final long seed;
    private final Normalization normalization;
    private final int axes;
    private final List<Tensor> tensors = new ArrayList<>();

    /**
     * Copies the weights.
     *
     * @param network the network, at the origin of the directions
     * @param seed the seed
     * @param axes the number of directions that span a surface, 1 or 2
     * @param normalization how directions are scaled to the weights
     * @param vectors whether tensors of one dimension have a direction
     */
    public Directions(
            Network network, long seed, int axes, Normalization normalization, boolean vectors) {
        this.seed = seed;
        this.axes = axes;
        this.normalization = normalization;
        try (NDManager scope = network.manager().newSubManager()) {
            network.parameters()
                    .forEach(
                            (name, parameter) -> {
                                Shape shape = parameter.getArray().getShape();
                                if (trained(parameter) && (vectors || shape.dimension() > 1)) {
                                    float[] values = values(parameter.getArray(), scope);
                                    tensors.add(new Tensor(name, shape, values));
                                }
                            });
        }
    }

    static boolean trained(Parameter parameter) {
        return parameter.requiresGradient()
                && parameter.getType() != Parameter.Type.RUNNING_MEAN
                && parameter.getType() != Parameter.Type.RUNNING_VAR;
    }

    private static float[] values(NDArray array, NDManager scope) {
        float[] values = new float[Math.toIntExact(array.getShape().size())];
        TensorBytes.of(array, scope).asFloatBuffer().get(values);
        return values;
    }

    /**
     * Draws the directions that span a surface.
     *
     * @param surface the number of the surface, from 0
     * @param manager the manager of the arrays
     * @return a direction for each axis: float32 arrays by the tensors' names
     */
    public List<Map<String, NDArray>> draw(int surface, NDManager manager) {
        List<Map<String, NDArray>> directions = new ArrayList<>();
        for (int axis = 0; axis < axes; axis++) {
            Map<String, NDArray> direction = new LinkedHashMap<>();
            for (Tensor tensor : tensors) {
                float[] values = draw(surface, axis, tensor);
                direction.put(tensor.name, manager.create(values, tensor.shape));
            }
            directions.add(direction);
        }
        return directions;
    }

    /**
     * Draws a direction.
     *
     * @param surface the number of the surface, from 0
     * @param axis 0 or 1
     * @return row-major values by the tensors' names
     */
    public Map<String, float[]> values(int surface, int axis) {
        Map<String, float[]> values = new LinkedHashMap<>();
        tensors.forEach(tensor -> values.put(tensor.name, draw(surface, axis, tensor)));
        return values;
    }

    private float[] draw(int surface, int axis, Tensor tensor) {
        SplitMix64 random =
                new SplitMix64(SplitMix64.mix(seed, surface, axis, tensor.name.hashCode()));
        float[] direction = new float[tensor.values.length];
        for (int i = 0; i < direction.length; i++) {
            direction[i] = (float) random.nextGaussian();
        }
        int filters = tensor.shape.dimension() > 1 ? (int) tensor.shape.get(0) : 1;
        normalization.apply(direction, tensor.values, filters);
        return direction;
    }

    /**
     * Lists the tensors.
     *
     * @param count the number of surfaces
     * @return a JSON array {@code [{"name", "shape", "norm", "direction_norms": for each surface a
     *     norm for each axis}]}
     */
    public String describe(int count) {
        JsonArray all = new JsonArray();
        for (Tensor tensor : tensors) {
            JsonObject one = new JsonObject();
            one.addProperty("name", tensor.name);
            JsonArray shape = new JsonArray();
            for (long size : tensor.shape.getShape()) {
                shape.add(size);
            }
            one.add("shape", shape);
            one.addProperty("norm", norm(tensor.values));
            JsonArray norms = new JsonArray();
            for (int index = 0; index < count; index++) {
                JsonArray pair = new JsonArray();
                for (int axis = 0; axis < axes; axis++) {
                    pair.add(norm(draw(index, axis, tensor)));
                }
                norms.add(pair);
            }
            one.add("direction_norms", norms);
            all.add(one);
        }
        return all.toString();
    }

    private static double norm(float[] values) {
        return Normalization.norm(values, 0, values.length);
    }
}
