package org.djlresnet.optimizer;

import ai.djl.ndarray.NDManager;
import ai.djl.nn.Parameter;
import ai.djl.training.initializer.Initializer;
import java.util.List;
import java.util.Map;
import org.djlresnet.recipe.Recipe;

/** Creates optimizers from recipes. */
public final class Optimizers {

    private Optimizers() {}

    /**
     * Creates an optimizer.
     *
     * @param recipe the recipe
     * @param parameters the network's parameters by name; those without gradients are skipped
     * @param manager the network's manager
     * @param restored initial values of {@link Optimizer#state}; entries without one start as in a
     *     new run
     * @return the optimizer
     */
    public static Optimizer create(
            Recipe recipe,
            Map<String, Parameter> parameters,
            NDManager manager,
            Map<String, Initializer> restored) {
        List<TrainedParameter> trained = TrainedParameter.of(parameters, recipe);
        double momentum = recipe.momentum();
        return switch (recipe.optimizer()) {
            case "sgd" -> new Sgd(momentum, recipe.nesterov(), trained, manager, restored);
            case "adam", "adamw" ->
                    new Adam(
                            recipe.optimizer().equals("adamw"),
                            recipe.beta1(),
                            recipe.beta2(),
                            trained,
                            manager,
                            restored);
            case "muon" ->
                    new Muon(
                            recipe.muonMomentum(),
                            momentum,
                            recipe.nesterov(),
                            trained,
                            manager,
                            restored);
            case "lars" -> new Lars(recipe.larsTrust(), momentum, trained, manager, restored);
            default -> throw new IllegalStateException("Unknown optimizer " + recipe.optimizer());
        };
    }
}
