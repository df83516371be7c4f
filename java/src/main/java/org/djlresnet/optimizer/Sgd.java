package org.djlresnet.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.training.initializer.Initializer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.engine.EngineTraits;

/**
 * Stochastic gradient descent as defined by PyTorch.
 *
 * <p>With gradient g, parameter p and momentum buffer v, which starts at zero:
 *
 * <pre>
 * g ← g + weight_decay · p
 * v ← momentum · v + g
 * p ← p − lr · v                      or, with Nesterov momentum,
 * p ← p − lr · (g + momentum · v)
 * </pre>
 *
 * <p>The learning rate is not part of v, so a schedule takes effect immediately. The weight decay
 * comes from the parameter's {@link ParameterGroup}.
 *
 * <p>Source: torch.optim.SGD; Sutskever et al., "On the importance of initialization and momentum
 * in deep learning", 2013.
 */
public final class Sgd implements Optimizer {

    static final String MOMENTUM = "momentum/";

    private final double momentum;
    private final boolean nesterov;
    private final NDManager manager;
    private final List<Slot> slots;

    /** On PyTorch, one call updates all parameters. */
    private final GroupedProgram program;

    private record Slot(TrainedParameter parameter, NDArray velocity) {}

    /**
     * Creates an optimizer.
     *
     * @param momentum the factor of the momentum buffer, 0 for none
     * @param nesterov whether to use Nesterov momentum
     * @param parameters the parameters to update
     * @param parent the manager of the network
     * @param restored initial values of {@link #state}; entries without one start at zero
     */
    public Sgd(
            double momentum,
            boolean nesterov,
            List<TrainedParameter> parameters,
            NDManager parent,
            Map<String, Initializer> restored) {
        this.momentum = momentum;
        this.nesterov = nesterov;
        EngineTraits traits = EngineTraits.of(parent.getEngine());
        manager = parent.newSubManager();
        slots =
                parameters.stream()
                        .map(
                                parameter ->
                                        new Slot(
                                                parameter,
                                                momentum == 0
                                                        ? null
                                                        : velocity(parameter, restored)))
                        .toList();
        program = traits.compiles() ? program(parameters) : null;
    }

    private GroupedProgram program(List<TrainedParameter> parameters) {
        Map<String, NDArray> velocities = new LinkedHashMap<>();
        slots.forEach(slot -> velocities.put(slot.parameter.name(), slot.velocity));
        return SgdProgram.create(momentum, nesterov, parameters, velocities, manager);
    }

    private NDArray velocity(TrainedParameter parameter, Map<String, Initializer> restored) {
        Initializer values = restored.get(MOMENTUM + parameter.name());
        return OptimizerState.array(parameter.array(), values, manager);
    }

    @Override
    public void step(Map<String, NDArray> gradients, double lr) {
        if (program != null) {
            program.step(gradients, lr);
            return;
        }
        for (Slot slot : slots) {
            double scaled = lr * slot.parameter.group().lrScale();
            move(slot, gradients.get(slot.parameter.name()), scaled);
        }
    }

    private void move(Slot slot, NDArray gradient, double lr) {
        NDArray parameter = slot.parameter.array();
        double weightDecay = slot.parameter.group().weightDecay();
        if (weightDecay != 0) {
            addScaled(gradient, parameter, weightDecay);
        }
        if (slot.velocity == null) {
            parameter.addi(gradient.muli(-lr));
            return;
        }
        slot.velocity.muli(momentum).addi(gradient);
        if (nesterov) {
            addScaled(gradient, slot.velocity, momentum);
            parameter.addi(gradient.muli(-lr));
        } else {
            addScaled(parameter, slot.velocity, -lr);
        }
    }

    private static void addScaled(NDArray target, NDArray addend, double factor) {
        try (NDArray scaled = addend.mul(factor)) {
            target.addi(scaled);
        }
    }

    @Override
    public Map<String, NDArray> state() {
        Map<String, NDArray> state = new LinkedHashMap<>();
        for (Slot slot : slots) {
            if (slot.velocity != null) {
                state.put(MOMENTUM + slot.parameter.name(), slot.velocity);
            }
        }
        return state;
    }

    @Override
    public void close() {
        if (program != null) {
            program.close();
        }
        manager.close();
    }
}
