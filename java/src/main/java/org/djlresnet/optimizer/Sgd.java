package org.djlresnet.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.training.initializer.Initializer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
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

    /** Its arguments: the group, its momentum, weight decay, momentum's factor, rate, Nesterov. */
    private static final String UPDATE =
            """
                _%1$d = ops.aten._fused_sgd_(p%1$d, g%1$d, %2$s, weight_decay=%3$.17g, \
            momentum=%4$.17g, lr=%5$s, dampening=0., nesterov=%6$s, maximize=False, \
            is_first_step=False)
            """;

    private final double momentum;
    private final boolean nesterov;
    private final List<TrainedParameter> parameters;
    private final NDManager manager;

    /** The momentum buffers by parameter; none without momentum. */
    private final Map<String, NDArray> velocities;

    private final Map<String, NDArray> state = new LinkedHashMap<>();

    /** On PyTorch, one call updates all parameters. */
    private final GroupedProgram program;

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
        this.parameters = parameters;
        manager = parent.newSubManager();
        velocities =
                momentum == 0
                        ? Map.of()
                        : OptimizerState.arrays(MOMENTUM, parameters, restored, manager);
        OptimizerState.name(MOMENTUM, velocities, state);
        program = EngineTraits.of(parent.getEngine()).compiles() ? program() : null;
    }

    private GroupedProgram program() {
        return new GroupedProgram(
                manager,
                parameters,
                momentum == 0 ? List.of() : List.of(velocities),
                true,
                "",
                (index, group) ->
                        String.format(
                                Locale.ROOT,
                                UPDATE,
                                index,
                                momentum == 0 ? "annotate(List[Tensor], [])" : "a" + index,
                                group.weightDecay(),
                                momentum,
                                group.rate(),
                                nesterov ? "True" : "False"));
    }

    @Override
    public void step(Map<String, NDArray> gradients, double lr) {
        if (program != null) {
            program.step(gradients, lr);
            return;
        }
        for (TrainedParameter parameter : parameters) {
            move(parameter, gradients.get(parameter.name()), lr * parameter.group().lrScale());
        }
    }

    private void move(TrainedParameter trained, NDArray gradient, double lr) {
        NDArray parameter = trained.array();
        NDArray velocity = velocities.get(trained.name());
        double weightDecay = trained.group().weightDecay();
        if (weightDecay != 0) {
            addScaled(gradient, parameter, weightDecay);
        }
        if (velocity == null) {
            parameter.addi(gradient.muli(-lr));
            return;
        }
        velocity.muli(momentum).addi(gradient);
        if (nesterov) {
            addScaled(gradient, velocity, momentum);
            parameter.addi(gradient.muli(-lr));
        } else {
            addScaled(parameter, velocity, -lr);
        }
    }

    private static void addScaled(NDArray target, NDArray addend, double factor) {
        try (NDArray scaled = addend.mul(factor)) {
            target.addi(scaled);
        }
    }

    @Override
    public Map<String, NDArray> state() {
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
