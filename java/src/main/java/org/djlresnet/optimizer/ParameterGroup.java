package org.djlresnet.optimizer;

import ai.djl.nn.Parameter;
import org.djlresnet.recipe.Recipe;

/**
 * Parameters that an optimizer treats alike.
 *
 * @param weightDecay the factor of a parameter that is added to its gradient
 */
public record ParameterGroup(double weightDecay) {

    /**
     * Returns the group of a parameter: biases and the parameters of batch normalization do not
     * decay unless the recipe says so.
     *
     * @param parameter the parameter
     * @param recipe gives weight_decay and decay_bias_and_norm
     * @return its group
     */
    public static ParameterGroup of(Parameter parameter, Recipe recipe) {
        boolean decays = parameter.getType() == Parameter.Type.WEIGHT || recipe.decayBiasAndNorm();
        return new ParameterGroup(decays ? recipe.weightDecay() : 0);
    }
}
