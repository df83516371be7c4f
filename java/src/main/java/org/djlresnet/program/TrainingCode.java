package org.djlresnet.program;

import static org.djlresnet.program.Code.call;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.djlresnet.graph.DescribedNetwork;
import org.djlresnet.graph.Graph;
import org.djlresnet.graph.Operation;
import org.djlresnet.graph.Operation.Add;
import org.djlresnet.graph.Operation.MapMatrix;
import org.djlresnet.graph.Value;

/**
 * Writes the training pass of a graph: the forward pass, the loss and the backward pass. Only the
 * loss is differentiated by autograd, so each array is freed after its last use.
 */
final class TrainingCode {

    /** The arguments of a step that are inputs of the network. */
    private static final Map<Value, String> INPUTS =
            Map.of(
                    DescribedNetwork.IMAGES, "x",
                    DescribedNetwork.LABELS, "y",
                    DescribedNetwork.NOISE, "noise");

    private static final String MIXED =
            """
              def mixed(self: __torch__.Program, outputs: List[Tensor], y: Tensor, second: Tensor, \
            share: Tensor) -> List[Tensor]:
                first = (self).loss(outputs, y, )
                other = (self).loss(outputs, second, )
                mixed = annotate(List[Tensor], [])
                for i in range(torch.len(first)):
                  difference = torch.mul(torch.sub(first[i], other[i]), share)
                  _0 = torch.append(mixed, torch.add(other[i], difference))
                return mixed
            """;

    /** The list {@code kept} holds the sides of the kinks. */
    private static final String PIECES =
            """
              def forget(self: __torch__.Program, q: Tensor) -> Tensor:
                self.kept = annotate(List[Tensor], [])
                return q
              def side(self: __torch__.Program, now: Tensor, i: int) -> Tensor:
                kept = self.kept
                if torch.lt(i, torch.len(kept)):
                  first = kept[i]
                else:
                  _0 = torch.append(kept, now)
                  first = now
                return first
            """;

    private final Graph graph;
    private final Needs needs;
    private final boolean mixes;
    private final boolean holdsPieces;
    private final List<String> gates;
    private final Code code = new Code();
    private final GradientVariables gradients = new GradientVariables(code);
    private final TrainingOperations operations;
    private final Deque<Runnable> backward = new ArrayDeque<>();
    private final Clock clock;
    private final Map<Operation, String> parts;
    private final Map<Value, Operation> producers;
    private String last = "";

    /**
     * Prepares to write.
     *
     * @param graph the graph
     * @param needs what the backward pass has to compute
     * @param oneDnn whether to use oneDNN's products
     * @param mixes whether images are mixed
     * @param gates the residual blocks whose branches a step may drop
     * @param clock is read between the network's parts; null for no profile
     * @param holdsPieces whether later steps stay on the first one's side of all kinks
     */
    TrainingCode(
            Graph graph,
            Needs needs,
            boolean oneDnn,
            boolean mixes,
            List<String> gates,
            Clock clock,
            boolean holdsPieces) {
        this.holdsPieces = holdsPieces;
        this.graph = graph;
        this.needs = needs;
        this.mixes = mixes;
        this.gates = gates;
        this.clock = clock;
        parts = Parts.of(graph);
        operations = new TrainingOperations(graph, code, gradients, needs, oneDnn, holdsPieces);
        producers = graph.producers();
    }

    /**
     * Writes the methods.
     *
     * @param parameters the parameters in the order of the list q
     * @param trained those whose gradients it returns, in order
     * @param loss the objective's method {@code loss}
     * @return the methods; {@code step} returns what {@code loss} returns, the outputs, the
     *     gradients and, with a clock, its times
     */
    String write(List<Value> parameters, List<Value> trained, String loss) {
        boolean casts = graph.operations().stream().anyMatch(o -> o instanceof Operation.Cast);
        return loss
                + (mixes ? MIXED : "")
                + (holdsPieces ? PIECES : "")
                + (casts ? WeightGradients.METHOD : "")
                + "  def like(self: __torch__.Program, g: Tensor, p: Tensor) -> Tensor:\n"
                + "    if torch.eq(torch.stride(g), torch.stride(p)):\n"
                + "      same = g\n"
                + "    else:\n"
                + "      same = torch.copy_(torch.empty_like(p), g)\n"
                + "    return same\n"
                + arrange(parameters)
                + step("step", parameters, trained);
    }

    /**
     * Writes the method {@code step} under another name.
     *
     * @param name its name
     * @param parameters the parameters in the order of the list q
     * @param trained those whose gradients it returns, in order
     * @return the method
     */
    String step(String name, List<Value> parameters, List<Value> trained) {
        for (int i = 0; i < parameters.size(); i++) {
            code.set(parameters.get(i), "q[" + i + "]");
        }
        INPUTS.forEach(code::alias);
        forward();
        code.comment("loss");
        if (clock != null) {
            clock.read(code, Clock.FORWARD, Clock.LOSS);
        }
        code.run(call("set_grad_enabled", "True"));
        List<String> outputs = new ArrayList<>();
        List<Value> moving = new ArrayList<>();
        List<String> differentiated = new ArrayList<>();
        for (Value output : graph.outputs()) {
            String detached = call("detach", code.of(output));
            if (needs.gradient(output)) {
                detached = call("requires_grad_", detached, "True");
                moving.add(output);
            }
            outputs.add(code.let("outputs", detached));
            if (needs.gradient(output)) {
                differentiated.add(outputs.get(outputs.size() - 1));
            }
        }
        String values = code.let("values", lossCall().formatted(outputs));
        if (!moving.isEmpty()) {
            String grad = call("autograd.grad", "[" + values + "[0]]", differentiated);
            String all = code.let("gradients", grad);
            for (int i = 0; i < moving.size(); i++) {
                String one = "unchecked_cast(Tensor, " + all + "[" + i + "])";
                gradients.add(moving.get(i), code.let("gradient", one), true);
            }
        }
        code.run(call("set_grad_enabled", "False"));
        backward.forEach(Runnable::run);
        code.comment("results");
        if (clock != null) {
            clock.stop(code);
        }
        code.run(call("append", values, call("detach", outputs.get(0))));
        for (Value value : trained) {
            String variable = code.of(value);
            String gradient = gradients.of(value);
            // a bypassed block's parameters have no influence
            String aligned =
                    gradient == null
                            ? call("zeros_like", variable)
                            : "(self).like(" + gradient + ", " + variable + ", )";
            code.run(call("append", values, aligned));
        }
        if (clock != null) {
            code.run(call("append", values, clock.times()));
        }
        code.result(values);
        String arguments = gates.isEmpty() ? "" : ", gates: Tensor";
        return "  def "
                + name
                + "(self: __torch__.Program, x: Tensor, y: Tensor, "
                + (mixes ? "second: Tensor, share: Tensor, " : "")
                + (samples() ? "noise: Tensor, weight: Tensor, " : "")
                + "q: List[Tensor]"
                + arguments
                + ") -> List[Tensor]:\n"
                + code;
    }

    /** Whether the network samples, and so takes noise and a weight of its divergence. */
    private boolean samples() {
        return graph.inputs().contains(DescribedNetwork.NOISE);
    }

    private String lossCall() {
        if (samples()) {
            return "(self).loss(%s, x, weight, )";
        }
        return mixes ? "(self).mixed(%s, y, second, share, )" : "(self).loss(%s, y, )";
    }

    /**
     * Writes the method that puts weights into the memory order in which they are used: those of
     * convolutions channels-last, those of products for small maps by taps.
     */
    private String arrange(List<Value> parameters) {
        Map<Value, String> orders = new HashMap<>();
        for (Operation operation : graph.operations()) {
            if (operation instanceof Operation.Convolution c) {
                orders.put(uncast(c.weight()), Maps.channelsLast("%s"));
            } else if (operation instanceof Operation.TransposedConvolution t) {
                orders.put(uncast(t.weight()), Maps.channelsLast("%s"));
            } else if (operation instanceof MapMatrix m) {
                String taps = call("contiguous", call("permute", "%s", "[2, 3, 0, 1]"));
                orders.put(m.weight(), call("permute", taps, "[2, 3, 0, 1]"));
            }
        }
        StringBuilder text = new StringBuilder();
        text.append("  def arrange(self: __torch__.Program, q: List[Tensor]) -> List[Tensor]:\n");
        text.append("    return [");
        for (int i = 0; i < parameters.size(); i++) {
            text.append(i == 0 ? "" : ", ");
            text.append(orders.getOrDefault(parameters.get(i), "%s").formatted("q[" + i + "]"));
        }
        return text.append("]\n").toString();
    }

    /** What a value is a copy of in another precision, or the value itself. */
    private Value uncast(Value value) {
        return producers.get(value) instanceof Operation.Cast cast ? cast.input() : value;
    }

    private void forward() {
        Map<Add, List<Operation>> branches = new HashMap<>();
        Set<Operation> gated = new HashSet<>();
        for (Operation operation : graph.operations()) {
            if (operation instanceof Add sum && gates.contains(sum.block())) {
                branches.put(sum, graph.branch(sum));
                gated.addAll(branches.get(sum));
            }
        }
        for (Operation operation : graph.operations()) {
            if (branches.containsKey(operation)) {
                branch((Add) operation, branches.get(operation));
            } else if (!gated.contains(operation)) {
                forward(operation);
            }
        }
    }

    private void forward(Operation operation) {
        tick(Clock.FORWARD, operation);
        Consumer<String> step = operations.forward(operation);
        if (!needs.gradient(operation.output())) {
            return;
        }
        backward.push(
                () -> {
                    String gradient = gradients.of(operation.output());
                    if (gradient != null) {
                        tick(Clock.BACKWARD, operation);
                        step.accept(gradient);
                    }
                });
    }

    /** Writes a branch that a step may drop: then its block is its shortcut, without gradients. */
    private void branch(Add sum, List<Operation> inside) {
        tick(Clock.FORWARD, sum);
        String index = String.valueOf(gates.indexOf(sum.block()));
        String scale = code.let("scale", "float(" + call("select", "gates", 0, index) + ")");
        String kept = call("gt", scale, "0.");
        String shortcut = code.of(sum.shortcut());
        Deque<Runnable> steps = new ArrayDeque<>();
        code.begin(kept);
        for (Operation operation : inside) {
            Consumer<String> step = operations.forward(operation);
            if (needs.gradient(operation.output())) {
                steps.push(() -> step.accept(gradients.of(operation.output())));
            }
        }
        String multiply = sum.inPlace() ? "mul_" : "mul";
        String scaled = code.let("scaled", call(multiply, code.of(sum.branch()), scale));
        String output = code.set(sum.output(), call("add_", scaled, shortcut));
        // a copy, because a ReLU may overwrite it
        code.end(Map.of(output, call("clone", shortcut)), "x");
        if (!needs.gradient(sum.output())) {
            return;
        }
        backward.push(
                () -> {
                    tick(Clock.BACKWARD, sum);
                    String gradient = gradients.of(sum.output());
                    gradients.add(sum.shortcut(), gradient, false);
                    Map<Value, String> before = gradients.snapshot();
                    code.begin(kept);
                    gradients.add(sum.branch(), code.let("gx", call("mul", gradient, scale)), true);
                    steps.forEach(Runnable::run);
                    code.end(withoutBranch(inside, before), "x");
                });
    }

    /** The gradients that a branch changes, if it is dropped. */
    private Map<String, String> withoutBranch(List<Operation> inside, Map<Value, String> before) {
        Map<Value, String> after = gradients.snapshot();
        inside.forEach(operation -> after.remove(operation.output()));
        Map<String, String> values = new HashMap<>();
        after.forEach(
                (value, variable) -> {
                    String earlier = before.get(value);
                    if (!variable.equals(earlier)) {
                        values.put(
                                variable,
                                earlier == null
                                        ? call("zeros_like", code.of(value))
                                        : call("clone", earlier));
                    }
                });
        return values;
    }

    /** Writes a comment, and with a clock reads it, where a part of the network begins. */
    private void tick(String phase, Operation operation) {
        String now = phase + ", " + parts.get(operation);
        if (now.equals(last)) {
            return;
        }
        code.comment(now);
        if (clock != null) {
            clock.read(code, phase, parts.get(operation));
        }
        last = now;
    }
}
