package org.djlresnet.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Parameter;
import java.util.List;
import java.util.Map;
import org.djlresnet.recipe.Recipe;

/**
 * A parameter that training moves.
 *
 * @param name its name in the network
 * @param array its values, which change in place
 * @param group how it is treated
 */
public record TrainedParameter(String name, NDArray array, ParameterGroup group) {

    /**
     * Lists the parameters that take gradients.
     *
     * @param parameters the network's parameters by name
     * @param recipe the recipe, which divides them into groups
     * @return the trained ones, in the same order
     */
    public static List<TrainedParameter> of(Map<String, Parameter> parameters, Recipe recipe) {
        return parameters.entrySet().stream()
                .filter(entry -> entry.getValue().requiresGradient())
                .map(
                        entry ->
                                new TrainedParameter(
                                        entry.getKey(),
                                        entry.getValue().getArray(),
                                        ParameterGroup.of(entry.getValue(), recipe)))
                .toList();
    }
}
