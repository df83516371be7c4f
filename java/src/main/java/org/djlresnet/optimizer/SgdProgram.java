package org.djlresnet.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.djlresnet.engine.TorchScript;

/**
 * {@link Sgd} as a program: one call updates all parameters in one pass over each, after a call for
 * each group that makes vectors of its gradients. PyTorch only.
 *
 * <p>ATen's update copies arrays that are not in row-major order, so it gets them as vectors in the
 * order of their memory, which is the same for a parameter, its gradient and its momentum.
 */
final class SgdProgram implements AutoCloseable {

    private final NDManager manager;
    private final TorchScript program;

    private static final String FLAT =
            """
              def flat(self: __torch__.Program, t: List[Tensor]) -> List[Tensor]:
                vectors = annotate(List[Tensor], [])
                for i in range(torch.len(t)):
                  vector = torch.as_strided(t[i], [torch.numel(t[i])], [1], None)
                  _0 = torch.append(vectors, vector)
                return vectors
            """;

    /**
     * Its arguments are the group, its momentum, weight decay, the factor of momentum, Nesterov.
     */
    private static final String UPDATE =
            """
                _%1$d = ops.aten._fused_sgd_(p%1$d, g%1$d, %2$s, weight_decay=%3$.17g, \
            momentum=%4$.17g, lr=float(lr), dampening=0., nesterov=%5$s, maximize=False, \
            is_first_step=False)
            """;

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
        StringBuilder updates = new StringBuilder();
        int index = 0;
        for (double weightDecay : byDecay.keySet()) {
            String velocities = momentum == 0 ? "annotate(List[Tensor], [])" : "m" + index;
            arguments.append(", p%1$d: List[Tensor], g%1$d: List[Tensor]".formatted(index));
            arguments.append(momentum == 0 ? "" : ", %s: List[Tensor]".formatted(velocities));
            updates.append(
                    String.format(
                            Locale.ROOT,
                            UPDATE,
                            index,
                            velocities,
                            weightDecay,
                            momentum,
                            nesterov ? "True" : "False"));
            index++;
        }
        String step = "  def step(self: __torch__.Program, %s) -> Tensor:\n%s    return lr\n";
        program = new TorchScript(manager, FLAT + step.formatted(arguments, updates));
        byDecay.values().forEach(members -> groups.add(group(members, state)));
    }

    private Group group(List<TrainedParameter> members, Map<String, NDArray> state) {
        List<NDArray> parameters = members.stream().map(TrainedParameter::array).toList();
        List<NDArray> velocities =
                members.stream()
                        .map(member -> state.get(Sgd.MOMENTUM + member.name()))
                        .filter(Objects::nonNull)
                        .toList();
        return new Group(
                members.stream().map(TrainedParameter::name).toList(),
                TorchScript.list("p" + groups.size(), flatHandles(parameters)),
                TorchScript.list("m" + groups.size(), flatHandles(velocities)));
    }

    /** Vectors on the memory of arrays, which record nothing. */
    private NDList flatHandles(List<NDArray> arrays) {
        if (arrays.isEmpty()) {
            return new NDList();
        }
        try (NDList handles = new NDList(arrays.stream().map(NDArray::stopGradient).toList())) {
            NDList vectors = flat(handles);
            vectors.attach(manager);
            return vectors;
        }
    }

    private NDList flat(List<NDArray> arrays) {
        return program.call("flat", TorchScript.list("t", arrays));
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
                NDList vectors = flat(group.names.stream().map(gradients::get).toList());
                vectors.attach(scope);
                arguments.addAll(TorchScript.list("g" + i, vectors));
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
