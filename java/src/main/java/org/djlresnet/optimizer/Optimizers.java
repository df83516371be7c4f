package org.djlresnet.optimizer;

import ai.djl.ndarray.NDManager;
import ai.djl.nn.Parameter;
import ai.djl.training.initializer.Initializer;
import java.util.Map;
import org.djlresnet.recipe.Recipe;

/** Makes the optimizer that a recipe asks for. */
public final class Optimizers {

    private Optimizers() {}

    /**
     * Creates an optimizer.
     *
     * @param recipe the recipe
     * @param parameters the network's parameters by name; those that take no gradient are left
     *     alone
     * @param manager the network's manager
     * @param restored gives entries of {@link Optimizer#state} their values; what it lacks is as at
     *     the beginning of a run
     * @return the optimizer
     */
    public static Optimizer create(
            Recipe recipe,
            Map<String, Parameter> parameters,
            NDManager manager,
            Map<String, Initializer> restored) {
        return new Sgd(
                recipe.momentum(),
                recipe.nesterov(),
                TrainedParameter.of(parameters, recipe),
                manager,
                restored);
    }
}
