package org.djlresnet.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** {@link Sgd} as a program. */
final class SgdProgram {

    /** Its arguments: the group, its momentum, weight decay, momentum's factor, rate, Nesterov. */
    private static final String UPDATE =
            """
                _%1$d = ops.aten._fused_sgd_(p%1$d, g%1$d, %2$s, weight_decay=%3$.17g, \
            momentum=%4$.17g, lr=%5$s, dampening=0., nesterov=%6$s, maximize=False, \
            is_first_step=False)
            """;

    private SgdProgram() {}

    /**
     * Compiles the update.
     *
     * @param momentum the factor of the momentum buffer, 0 for none
     * @param nesterov whether to use Nesterov momentum
     * @param parameters the parameters to update
     * @param velocities the momentum buffers by parameter, in the parameters' memory order
     * @param manager the manager of the optimizer
     * @return the program
     */
    static GroupedProgram create(
            double momentum,
            boolean nesterov,
            List<TrainedParameter> parameters,
            Map<String, NDArray> velocities,
            NDManager manager) {
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
                                rate(group),
                                nesterov ? "True" : "False"));
    }

    /** The learning rate of a group, a float. */
    static String rate(ParameterGroup group) {
        return group.lrScale() == 1
                ? "float(lr)"
                : String.format(Locale.ROOT, "torch.mul(float(lr), %.17g)", group.lrScale());
    }
}
