package org.djlresnet.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.engine.TorchScript;

/**
 * Updates all parameters in one call of a program, after one call per group that makes vectors of
 * its gradients. PyTorch only.
 *
 * <p>ATen's updates copy arrays that are not in row-major order, so they get them as vectors in the
 * order of their memory, which is the same for a parameter, its gradient and its state.
 */
final class GroupedProgram implements AutoCloseable {

    private static final String FLAT =
            """
              def flat(self: __torch__.Program, t: List[Tensor]) -> List[Tensor]:
                vectors = annotate(List[Tensor], [])
                for i in range(torch.len(t)):
                  vector = torch.as_strided(t[i], [torch.numel(t[i])], [1], None)
                  _0 = torch.append(vectors, vector)
                return vectors
            """;

    /** Writes the update of a group. */
    @FunctionalInterface
    interface Update {
        /**
         * Writes statements.
         *
         * @param index the group's number: its lists are p0 (parameters), g0 (gradients), and a0,
         *     b0 … (states) for the group 0; the learning rate is the tensor lr
         * @param group the group's settings
         * @return lines of the method's body, each ending with a line break
         */
        String write(int index, ParameterGroup group);
    }

    private final NDManager manager;
    private final TorchScript program;
    private final boolean vectors;

    /** The parameters of each group, whose lists are arguments of the program. */
    private final List<Group> groups = new ArrayList<>();

    /** A group's names, and its lists other than the gradients: parameters and states. */
    private record Group(List<String> names, NDList parameters, List<NDList> states) {}

    /**
     * Compiles an update.
     *
     * @param manager the manager of the optimizer
     * @param parameters the parameters to update
     * @param states arrays by the parameters' names, for each kind of state
     * @param vectors whether the update sees vectors rather than arrays of the parameters' shapes
     * @param methods methods that the update calls
     * @param update writes the update of a group
     */
    GroupedProgram(
            NDManager manager,
            List<TrainedParameter> parameters,
            List<Map<String, NDArray>> states,
            boolean vectors,
            String methods,
            Update update) {
        this.manager = manager;
        this.vectors = vectors;
        Map<ParameterGroup, List<TrainedParameter>> members = new LinkedHashMap<>();
        for (TrainedParameter parameter : parameters) {
            members.computeIfAbsent(parameter.group(), any -> new ArrayList<>()).add(parameter);
        }
        StringBuilder arguments = new StringBuilder("lr: Tensor");
        StringBuilder updates = new StringBuilder();
        int index = 0;
        for (ParameterGroup group : members.keySet()) {
            String given = (vectors ? "given" : "g") + index;
            List<String> lists = new ArrayList<>(List.of("p" + index, given));
            for (int kind = 0; kind < states.size(); kind++) {
                lists.add(state(kind, index));
            }
            lists.forEach(list -> arguments.append(", ").append(list).append(": List[Tensor]"));
            if (vectors) {
                updates.append("    g%1$s = (self).flat(given%1$s, )\n".formatted(index));
            }
            updates.append(update.write(index, group));
            index++;
        }
        String step = "  def step(self: __torch__.Program, %s) -> Tensor:\n%s    return lr\n";
        program = new TorchScript(manager, FLAT + methods + step.formatted(arguments, updates));
        members.values().forEach(list -> groups.add(group(list, states)));
    }

    private static String state(int kind, int group) {
        return (char) ('a' + kind) + String.valueOf(group);
    }

    private Group group(List<TrainedParameter> members, List<Map<String, NDArray>> states) {
        int index = groups.size();
        List<NDList> lists = new ArrayList<>();
        for (int kind = 0; kind < states.size(); kind++) {
            Map<String, NDArray> state = states.get(kind);
            List<NDArray> arrays = members.stream().map(one -> state.get(one.name())).toList();
            lists.add(TorchScript.list(state(kind, index), handles(arrays)));
        }
        return new Group(
                members.stream().map(TrainedParameter::name).toList(),
                TorchScript.list(
                        "p" + index,
                        handles(members.stream().map(TrainedParameter::array).toList())),
                lists);
    }

    /** Returns arrays or vectors that share memory with arrays and record no gradients. */
    private NDList handles(List<NDArray> arrays) {
        NDList handles = new NDList(arrays.stream().map(NDArray::stopGradient).toList());
        if (!vectors) {
            handles.attach(manager);
            return handles;
        }
        try (handles) {
            NDList flat = program.call("flat", TorchScript.list("t", handles));
            flat.attach(manager);
            return flat;
        }
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
                List<NDArray> given = group.names.stream().map(gradients::get).toList();
                arguments.addAll(TorchScript.list("g" + i, given));
                group.states.forEach(arguments::addAll);
            }
            program.call("step", arguments);
        }
    }

    @Override
    public void close() {
        program.close();
    }
}
