package org.djlresnet.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.djlresnet.engine.TorchScript;

/** {@link Sgd} as a program: one call for all parameters, one pass over each. PyTorch only. */
final class SgdProgram implements AutoCloseable {

    private final NDManager manager;
    private final TorchScript program;

    /** The parameters of each group, whose lists are arguments of the program. */
    private final List<Group> groups = new ArrayList<>();

    private record Group(List<String> names, NDList parameters, NDList velocities) {}

    /**
     * Compiles the update.
     *
     * @param momentum the factor of the momentum buffer, 0 for none
     * @param nesterov whether to use Nesterov momentum
     * @param parameters the parameters to update
     * @param state the momentum buffers by name, in the parameters' memory order
     * @param manager the manager of the optimizer
     */
    SgdProgram(
            double momentum,
            boolean nesterov,
            List<TrainedParameter> parameters,
            Map<String, NDArray> state,
            NDManager manager) {
        this.manager = manager;
        Map<Double, List<TrainedParameter>> byDecay = new LinkedHashMap<>();
        for (TrainedParameter parameter : parameters) {
            byDecay.computeIfAbsent(parameter.group().weightDecay(), any -> new ArrayList<>())
                    .add(parameter);
        }
        StringBuilder arguments = new StringBuilder("lr: Tensor");
        StringBuilder calls = new StringBuilder();
        byDecay.forEach(
                (weightDecay, members) -> {
                    int i = groups.size();
                    groups.add(group(i, members, state));
                    String velocities =
                            momentum == 0 ? "annotate(List[Tensor], [])" : "m%d".formatted(i);
                    arguments.append(", p%1$d: List[Tensor], g%1$d: List[Tensor]".formatted(i));
                    arguments.append(momentum == 0 ? "" : ", m%d: List[Tensor]".formatted(i));
                    calls.append(
                            String.format(
                                    Locale.ROOT,
                                    "    _%1$d = ops.aten._fused_sgd_(p%1$d, g%1$d, %2$s,"
                                            + " weight_decay=%3$.17g, momentum=%4$.17g,"
                                            + " lr=float(lr), dampening=0., nesterov=%5$s,"
                                            + " maximize=False, is_first_step=False)\n",
                                    i,
                                    velocities,
                                    weightDecay,
                                    momentum,
                                    nesterov ? "True" : "False"));
                });
        program =
                new TorchScript(
                        manager,
                        "  def step(self: __torch__.Program, %s) -> Tensor:\n%s    return lr\n"
                                .formatted(arguments, calls));
    }

    private Group group(int index, List<TrainedParameter> members, Map<String, NDArray> state) {
        List<String> names = new ArrayList<>();
        List<NDArray> parameters = new ArrayList<>();
        List<NDArray> velocities = new ArrayList<>();
        for (TrainedParameter member : members) {
            names.add(member.name());
            parameters.add(handle(member.array()));
            if (!state.isEmpty()) {
                velocities.add(handle(state.get(Sgd.MOMENTUM + member.name())));
            }
        }
        return new Group(
                names,
                TorchScript.list("p" + index, parameters),
                TorchScript.list("m" + index, velocities));
    }

    /** An array on the same memory that records nothing. */
    private NDArray handle(NDArray array) {
        NDArray handle = array.stopGradient();
        handle.attach(manager);
        return handle;
    }

    /**
     * Updates every parameter once.
     *
     * @param gradients the gradients by parameter name, in the parameters' memory order
     * @param lr the learning rate
     */
    void step(Map<String, NDArray> gradients, double lr) {
        try (NDManager scope = manager.newSubManager()) {
            NDList arguments = new NDList(scope.create(lr));
            for (int i = 0; i < groups.size(); i++) {
                Group group = groups.get(i);
                arguments.addAll(group.parameters);
                arguments.addAll(
                        TorchScript.list(
                                "g" + i, group.names.stream().map(gradients::get).toList()));
                arguments.addAll(group.velocities);
            }
            program.call("step", arguments);
        }
    }

    @Override
    public void close() {
        program.close();
    }
}
