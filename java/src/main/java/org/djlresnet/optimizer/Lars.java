package org.djlresnet.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.training.initializer.Initializer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Layer-wise adaptive rate scaling. PyTorch only.
 *
 * <p>With gradient g, parameter p and momentum buffer v, which starts at zero:
 *
 * <pre>
 * rate ← lr · trust · ‖p‖ / (‖g‖ + weight_decay · ‖p‖)
 * v ← momentum · v + rate · (g + weight_decay · p)
 * p ← p − v
 * </pre>
 *
 * <p>For biases and batch normalization, and where a norm is 0, the rate is lr.
 *
 * <p>Source: You, Gitman and Ginsburg, "Large Batch Training of Convolutional Networks", 2017,
 * algorithm 1.
 */
final class Lars implements Optimizer {

    private static final String MOVE =
            """
              def move(self: __torch__.Program, p: Tensor, g: Tensor, v: Tensor, lr: float, \
            decay: float) -> Tensor:
                size = float(torch.norm(p))
                below = torch.add(float(torch.norm(g)), torch.mul(decay, size))
                if torch.gt(torch.mul(size, below), 0.):
                  rate = torch.div(torch.mul(torch.mul(lr, %1$.17g), size), below)
                else:
                  rate = lr
                _0 = torch.mul_(torch.add_(g, p, alpha=decay), rate)
                _1 = torch.add_(torch.mul_(v, %2$.17g), g)
                return torch.sub_(p, v)
              def follow(self: __torch__.Program, p: Tensor, g: Tensor, v: Tensor, lr: float, \
            decay: float) -> Tensor:
                _0 = torch.mul_(torch.add_(g, p, alpha=decay), lr)
                _1 = torch.add_(torch.mul_(v, %2$.17g), g)
                return torch.sub_(p, v)
            """;

    /** Its arguments: the group, the method, its rate, weight decay. */
    private static final String UPDATE =
            """
                for i%1$d in range(torch.len(p%1$d)):
                  _%1$d = (self).%2$s(p%1$d[i%1$d], g%1$d[i%1$d], a%1$d[i%1$d], %3$s, %4$.17g, )
            """;

    private final NDManager manager;
    private final Map<String, NDArray> state = new LinkedHashMap<>();
    private final List<GroupedProgram> programs;

    /**
     * Creates an optimizer.
     *
     * @param trust the trust coefficient
     * @param momentum the factor of the momentum buffer
     * @param parameters the parameters to update
     * @param parent the manager of the network
     * @param restored initial values of {@link #state}; entries without one start at zero
     */
    Lars(
            double trust,
            double momentum,
            List<TrainedParameter> parameters,
            NDManager parent,
            Map<String, Initializer> restored) {
        manager = parent.newSubManager();
        Map<String, NDArray> velocities =
                OptimizerState.arrays(Sgd.MOMENTUM, parameters, restored, manager);
        OptimizerState.name(Sgd.MOMENTUM, velocities, state);
        String methods = String.format(Locale.ROOT, MOVE, trust, momentum);
        List<TrainedParameter> weights =
                parameters.stream().filter(TrainedParameter::isWeight).toList();
        List<TrainedParameter> others = parameters.stream().filter(one -> !one.isWeight()).toList();
        programs =
                List.of(
                        program(weights, velocities, methods, "move"),
                        program(others, velocities, methods, "follow"));
    }

    private GroupedProgram program(
            List<TrainedParameter> parameters,
            Map<String, NDArray> velocities,
            String methods,
            String method) {
        return new GroupedProgram(
                manager,
                parameters,
                List.of(velocities),
                true,
                methods,
                (index, group) ->
                        String.format(
                                Locale.ROOT,
                                UPDATE,
                                index,
                                method,
                                group.rate(),
                                group.weightDecay()));
    }

    @Override
    public void step(Map<String, NDArray> gradients, double lr) {
        programs.forEach(program -> program.step(gradients, lr));
    }

    @Override
    public Map<String, NDArray> state() {
        return state;
    }

    @Override
    public void close() {
        programs.forEach(GroupedProgram::close);
        manager.close();
    }
}
