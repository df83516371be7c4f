package org.djlresnet.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Parameter;
import java.util.List;
import java.util.Map;
import org.djlresnet.recipe.Recipe;

/**
 * A parameter that training updates.
 *
 * @param name its name in the network
 * @param array its values, updated in place
 * @param group its settings
 */
public record TrainedParameter(String name, NDArray array, ParameterGroup group) {

    /**
     * Lists the parameters that have gradients.
     *
     * @param parameters the network's parameters by name
     * @param recipe the recipe, which determines their groups
     * @return the trained parameters, in the same order
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
