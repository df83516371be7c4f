package org.djlresnet.optimizer;

import ai.djl.nn.Parameter;
import org.djlresnet.recipe.Recipe;

/**
 * Settings that parameters of an optimizer share.
 *
 * @param weightDecay the multiple of a parameter that is added to its gradient
 */
public record ParameterGroup(double weightDecay) {

    /**
     * Returns the group of a parameter. Biases and batch normalization have no weight decay unless
     * the recipe sets it.
     *
     * @param parameter the parameter
     * @param recipe the recipe, with weight_decay and decay_bias_and_norm
     * @return its group
     */
    public static ParameterGroup of(Parameter parameter, Recipe recipe) {
        boolean decays = parameter.getType() == Parameter.Type.WEIGHT || recipe.decayBiasAndNorm();
        return new ParameterGroup(decays ? recipe.weightDecay() : 0);
    }
}
