package org.djlresnet.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Parameter;
import ai.djl.training.initializer.Initializer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.recipe.Recipe;

/**
 * Stochastic gradient descent by PyTorch's definition.
 *
 * <p>With g the gradient, p the parameter, v the momentum buffer, which starts at zero:
 *
 * <pre>
 * g ← g + weight_decay · p
 * v ← momentum · v + g
 * p ← p − lr · v                      or, with Nesterov's momentum,
 * p ← p − lr · (g + momentum · v)
 * </pre>
 *
 * <p>The learning rate is not folded into v, so a schedule acts at once. Biases and the parameters
 * of batch normalization do not decay unless asked.
 *
 * <p>Source: torch.optim.SGD; Sutskever et al., "On the importance of initialization and momentum
 * in deep learning", 2013.
 */
public final class Sgd implements AutoCloseable {

    private static final String MOMENTUM = "momentum/";

    private final double momentum;
    private final boolean nesterov;
    private final EngineTraits traits;
    private final NDManager manager;
    private final List<Slot> slots = new ArrayList<>();

    private record Slot(String name, NDArray parameter, double weightDecay, NDArray velocity) {}

    /**
     * Creates an optimizer that has made no step.
     *
     * @param recipe gives momentum, nesterov, weight_decay and decay_bias_and_norm
     * @param parameters the parameters by name; those that take no gradient are left alone
     * @param parent the manager of the network
     */
    public Sgd(Recipe recipe, Map<String, Parameter> parameters, NDManager parent) {
        this(recipe, parameters, parent, Map.of());
    }

    /**
     * Creates an optimizer that goes on.
     *
     * @param recipe gives momentum, nesterov, weight_decay and decay_bias_and_norm
     * @param parameters the parameters by name; those that take no gradient are left alone
     * @param parent the manager of the network
     * @param restored gives entries of {@link #state} their values; what it lacks is zero
     */
    public Sgd(
            Recipe recipe,
            Map<String, Parameter> parameters,
            NDManager parent,
            Map<String, Initializer> restored) {
        momentum = recipe.momentum();
        nesterov = recipe.nesterov();
        traits = EngineTraits.of(parent.getEngine());
        manager = parent.newSubManager();
        parameters.forEach(
                (name, parameter) -> {
                    if (!parameter.requiresGradient()) {
                        return;
                    }
                    boolean decays =
                            parameter.getType() == Parameter.Type.WEIGHT
                                    || recipe.decayBiasAndNorm();
                    NDArray array = parameter.getArray();
                    NDArray velocity =
                            momentum == 0 ? null : velocity(array, restored.get(MOMENTUM + name));
                    slots.add(new Slot(name, array, decays ? recipe.weightDecay() : 0, velocity));
                });
    }

    /** Zeros or given values, in the parameter's order of memory. */
    private NDArray velocity(NDArray parameter, Initializer restored) {
        NDArray zeros = EngineTraits.zerosInOrderOf(parameter);
        zeros.attach(manager);
        if (restored != null) {
            try (NDArray values =
                    restored.initialize(manager, parameter.getShape(), parameter.getDataType())) {
                traits.assign(zeros, values, false);
            }
        }
        return zeros;
    }

    /**
     * Moves every parameter against its gradient, and forgets the gradients.
     *
     * @param lr the learning rate
     */
    public void step(double lr) {
        for (Slot slot : slots) {
            try (NDArray gradient = slot.parameter.getGradient()) {
                move(slot, gradient, lr);
            }
            traits.forgetGradient(slot.parameter);
        }
    }

    private void move(Slot slot, NDArray gradient, double lr) {
        if (slot.weightDecay != 0) {
            addScaled(gradient, slot.parameter, slot.weightDecay);
        }
        if (slot.velocity == null) {
            // the gradient is forgotten afterwards, so it may be scaled in place
            slot.parameter.addi(gradient.muli(-lr));
            return;
        }
        slot.velocity.muli(momentum).addi(gradient);
        if (nesterov) {
            addScaled(gradient, slot.velocity, momentum);
            slot.parameter.addi(gradient.muli(-lr));
        } else {
            addScaled(slot.parameter, slot.velocity, -lr);
        }
    }

    private static void addScaled(NDArray target, NDArray addend, double factor) {
        try (NDArray scaled = addend.mul(factor)) {
            target.addi(scaled);
        }
    }

    /**
     * Returns what the optimizer remembers between steps.
     *
     * @return the momentum buffers by {@code momentum/<parameter>}; empty without momentum
     */
    public Map<String, NDArray> state() {
        Map<String, NDArray> state = new LinkedHashMap<>();
        for (Slot slot : slots) {
            if (slot.velocity != null) {
                state.put(MOMENTUM + slot.name, slot.velocity);
            }
        }
        return state;
    }

    @Override
    public void close() {
        state().values().forEach(NDArray::close);
        manager.close();
    }
}
