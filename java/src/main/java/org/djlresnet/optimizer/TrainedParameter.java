package org.djlresnet.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Parameter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.recipe.Recipe;

/**
 * A parameter that training updates.
 *
 * @param name its name in the network
 * @param type its type
 * @param array its values, updated in place
 * @param group its settings
 */
public record TrainedParameter(
        String name, Parameter.Type type, NDArray array, ParameterGroup group) {

    /**
     * Lists the parameters that have gradients.
     *
     * @param parameters the network's parameters by name
     * @param recipe the recipe, which determines their groups
     * @return the trained parameters, in the same order
     * @throws org.djlresnet.recipe.SettingException if lr_scales or decay_scales name no parameter
     */
    public static List<TrainedParameter> of(Map<String, Parameter> parameters, Recipe recipe) {
        Map<String, Double> rates = scales("lr_scales", recipe.lrScales(), parameters);
        Map<String, Double> decays = scales("decay_scales", recipe.decayScales(), parameters);
        return parameters.entrySet().stream()
                .filter(entry -> entry.getValue().requiresGradient())
                .map(
                        entry -> {
                            String name = entry.getKey();
                            Parameter parameter = entry.getValue();
                            double decay = decays.get(name) * weightDecay(parameter, recipe);
                            return new TrainedParameter(
                                    name,
                                    parameter.getType(),
                                    parameter.getArray(),
                                    new ParameterGroup(decay, rates.get(name)));
                        })
                .toList();
    }

    /** Returns whether this is the weight of a convolution or a linear layer. */
    boolean isWeight() {
        return type == Parameter.Type.WEIGHT;
    }

    /**
     * Biases and batch normalization have no weight decay unless the recipe sets it, and the scale
     * of an autoencoder's likelihood never has.
     */
    private static double weightDecay(Parameter parameter, Recipe recipe) {
        boolean decays =
                parameter.getType() == Parameter.Type.WEIGHT
                        || recipe.decayBiasAndNorm() && parameter.getType() != Parameter.Type.OTHER;
        return decays ? recipe.weightDecay() : 0;
    }

    /** Returns the product of all factors that apply to each parameter. */
    private static Map<String, Double> scales(
            String setting, String text, Map<String, Parameter> parameters) {
        Map<String, Double> scales = new LinkedHashMap<>();
        parameters.keySet().forEach(name -> scales.put(name, 1.0));
        if (text != null) {
            for (String part : text.split(" *, *")) {
                int colon = part.indexOf(':');
                double factor = Double.parseDouble(part.substring(colon + 1));
                ParameterNames.select(setting, part.substring(0, colon), parameters)
                        .forEach(name -> scales.merge(name, factor, (a, b) -> a * b));
            }
        }
        return scales;
    }
}
