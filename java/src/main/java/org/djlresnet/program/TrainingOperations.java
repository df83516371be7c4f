package org.djlresnet.program;

import static org.djlresnet.program.Code.bool;
import static org.djlresnet.program.Code.call;
import static org.djlresnet.program.Code.pair;

import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.djlresnet.engine.Precision;
import org.djlresnet.graph.Graph;
import org.djlresnet.graph.Operation;
import org.djlresnet.graph.Operation.Add;
import org.djlresnet.graph.Operation.AveragePool;
import org.djlresnet.graph.Operation.BatchNorm;
import org.djlresnet.graph.Operation.Cast;
import org.djlresnet.graph.Operation.Convolution;
import org.djlresnet.graph.Operation.Gelu;
import org.djlresnet.graph.Operation.GlobalAveragePool;
import org.djlresnet.graph.Operation.GlobalMaxPool;
import org.djlresnet.graph.Operation.Linear;
import org.djlresnet.graph.Operation.MapMatrix;
import org.djlresnet.graph.Operation.MapProduct;
import org.djlresnet.graph.Operation.MaxPool;
import org.djlresnet.graph.Operation.PadChannels;
import org.djlresnet.graph.Operation.PadMap;
import org.djlresnet.graph.Operation.Relu;
import org.djlresnet.graph.Operation.Scale;
import org.djlresnet.graph.Operation.Subsample;
import org.djlresnet.graph.Value;
import org.djlresnet.graph.Window;

/**
 * Writes the forward pass of each operation in training mode, and its backward pass with ATen's own
 * backward operators.
 */
final class TrainingOperations {

    private final Code code;
    private final GradientVariables gradients;
    private final boolean oneDnn;
    private final Map<Value, Operation> producers;

    private final Needs needs;

    TrainingOperations(
            Graph graph, Code code, GradientVariables gradients, Needs needs, boolean oneDnn) {
        this.needs = needs;
        this.oneDnn = oneDnn;
        this.code = code;
        this.gradients = gradients;
        producers = graph.producers();
    }

    /**
     * Writes the forward pass of an operation.
     *
     * @return writes the backward pass, given the variable of the output's gradient, which is
     *     needed
     */
    Consumer<String> forward(Operation operation) {
        if (operation instanceof Convolution c) {
            return convolution(c);
        } else if (operation instanceof BatchNorm b) {
            return batchNorm(b);
        } else if (operation instanceof Relu r) {
            return relu(r);
        } else if (operation instanceof Gelu g) {
            return gelu(g);
        } else if (operation instanceof Scale s) {
            return scale(s);
        } else if (operation instanceof Add a) {
            return sum(a);
        } else if (operation instanceof MaxPool m) {
            return maxPool(m);
        } else if (operation instanceof AveragePool a) {
            return averagePool(a);
        } else if (operation instanceof GlobalAveragePool g) {
            return globalAveragePool(g);
        } else if (operation instanceof GlobalMaxPool g) {
            return globalMaxPool(g);
        } else if (operation instanceof Linear l) {
            return linear(l);
        } else if (operation instanceof Subsample s) {
            return subsample(s);
        } else if (operation instanceof PadChannels p) {
            return padChannels(p);
        } else if (operation instanceof PadMap p) {
            return padMap(p);
        } else if (operation instanceof MapMatrix m) {
            return mapMatrix(m);
        } else if (operation instanceof MapProduct p) {
            return mapProduct(p);
        } else if (operation instanceof Cast c) {
            return cast(c);
        }
        throw new IllegalArgumentException("Not an operation of training: " + operation);
    }

    private Consumer<String> convolution(Convolution c) {
        Window w = c.window();
        String window =
                String.join(", ", pair(w.stride()), pair(w.padding()), "[1, 1], False, [0, 0]")
                        + ", "
                        + c.groups();
        String x = code.of(c.input());
        String weight = code.of(c.weight());
        code.set(c.output(), call("convolution", x, weight, code.of(c.bias()), window));
        boolean passes = needs.gradient(c.input());
        boolean weights = needs.gradient(c.weight());
        boolean bias = needs.gradient(c.bias());
        return gradient -> {
            String size = bias ? call("size", code.of(c.bias())) : "None";
            String mask = "[" + bool(passes) + ", " + bool(weights) + ", " + bool(bias) + "]";
            List<String> g =
                    code.unpack(
                            List.of("gx", "gw", "gb"),
                            call("convolution_backward", gradient, x, weight, size, window, mask));
            if (passes) {
                gradients.add(c.input(), g.get(0), true);
            }
            if (weights) {
                gradients.add(c.weight(), g.get(1), true);
            }
            if (bias) {
                gradients.add(c.bias(), g.get(2), true);
            }
        };
    }

    private Consumer<String> batchNorm(BatchNorm b) {
        String x = code.of(b.input());
        String weight = code.of(b.weight());
        String mean = code.of(b.mean());
        String variance = code.of(b.variance());
        String epsilon = Code.number(b.epsilon());
        String momentum = Code.number(1 - b.momentum());
        String batch = bool(needs.statistics(b));
        String mask =
                "[%s, %s, %s]"
                        .formatted(
                                bool(needs.gradient(b.input())),
                                bool(needs.gradient(b.weight())),
                                bool(needs.gradient(b.bias())));
        List<String> y =
                code.unpack(
                        List.of(b.output().name(), "mean", "invstd"),
                        call(
                                "native_batch_norm",
                                x,
                                weight,
                                code.of(b.bias()),
                                mean,
                                variance,
                                batch,
                                momentum,
                                epsilon));
        code.alias(b.output(), y.get(0));
        return gradient -> {
            List<String> g =
                    code.unpack(
                            List.of("gx", "gw", "gb"),
                            call(
                                    "native_batch_norm_backward",
                                    gradient,
                                    x,
                                    weight,
                                    mean,
                                    variance,
                                    y.get(1),
                                    y.get(2),
                                    batch,
                                    epsilon,
                                    mask));
            add(b.input(), g.get(0));
            add(b.weight(), g.get(1));
            add(b.bias(), g.get(2));
        };
    }

    /** Adds to a gradient, if it is needed, an array that nothing else needs. */
    private void add(Value value, String gradient) {
        if (needs.gradient(value)) {
            gradients.add(value, gradient, true);
        }
    }

    private Consumer<String> relu(Relu r) {
        String y = code.set(r.output(), call(r.inPlace() ? "relu_" : "relu", code.of(r.input())));
        return gradient -> {
            String over = gradients.isOwned(r.output()) ? ", grad_input=" + gradient : "";
            String g = "torch.threshold_backward(" + gradient + ", " + y + ", 0" + over + ")";
            gradients.add(r.input(), code.let("gx", g), true);
        };
    }

    private Consumer<String> gelu(Gelu g) {
        String x = code.of(g.input());
        code.set(g.output(), call("gelu", x));
        return gradient -> {
            String over = gradients.isOwned(g.output()) ? ", grad_input=" + gradient : "";
            String backward = "torch.gelu_backward(" + gradient + ", " + x + over + ")";
            gradients.add(g.input(), code.let("gx", backward), true);
        };
    }

    private Consumer<String> scale(Scale s) {
        String factor = Code.number(s.factor());
        code.set(s.output(), call("mul", code.of(s.input()), factor));
        return gradient ->
                gradients.add(s.input(), code.let("gx", call("mul", gradient, factor)), true);
    }

    private Consumer<String> sum(Add a) {
        String add = a.inPlace() ? "add_" : "add";
        code.set(a.output(), call(add, code.of(a.branch()), code.of(a.shortcut())));
        return gradient -> {
            for (Value operand : a.operands()) {
                if (needs.gradient(operand)) {
                    gradients.add(operand, gradient, false);
                }
            }
        };
    }

    private Consumer<String> maxPool(MaxPool m) {
        Window w = m.window();
        String window =
                String.join(", ", pair(w.kernel()), pair(w.stride()), pair(w.padding()))
                        + ", [1, 1], False";
        String x = code.of(m.input());
        List<String> y =
                code.unpack(
                        List.of(m.output().name(), "indices"),
                        call("max_pool2d_with_indices", x, window));
        code.alias(m.output(), y.get(0));
        // only the shape counts, so that the normalized map need not be kept
        Operation producer = producers.get(m.input());
        String like = producer instanceof BatchNorm b ? code.of(b.input()) : x;
        return gradient -> {
            String backward = "max_pool2d_with_indices_backward";
            String g = code.let("gx", call(backward, gradient, like, window, y.get(1)));
            gradients.add(m.input(), g, true);
        };
    }

    private Consumer<String> averagePool(AveragePool a) {
        String x = code.of(a.input());
        String window = averagePoolWindow(a);
        code.set(a.output(), call("avg_pool2d", x, window));
        return gradient -> {
            String g = code.let("gx", call("avg_pool2d_backward", gradient, x, window));
            gradients.add(a.input(), g, true);
        };
    }

    static String averagePoolWindow(AveragePool a) {
        return pair(a.window().kernel())
                + ", "
                + pair(a.window().stride())
                + ", [0, 0], True, False, None";
    }

    private Consumer<String> globalAveragePool(GlobalAveragePool g) {
        String x = code.of(g.input());
        code.set(g.output(), call("mean", x, "[2, 3]"));
        return gradient -> {
            String map = call("unsqueeze", call("unsqueeze", gradient, 2), 3);
            String count = call("mul", call("size", x, 2), call("size", x, 3));
            String share = call("expand", call("div", map, count), call("size", x));
            gradients.add(g.input(), code.let("gx", share), false);
        };
    }

    private Consumer<String> globalMaxPool(GlobalMaxPool g) {
        String x = code.of(g.input());
        List<String> y =
                code.unpack(List.of("pooled", "indices"), call("adaptive_max_pool2d", x, "[1, 1]"));
        code.set(g.output(), call("flatten", y.get(0), 1));
        return gradient -> {
            String map = call("unsqueeze", call("unsqueeze", gradient, 2), 3);
            String backward = call("adaptive_max_pool2d_backward", map, x, y.get(1));
            gradients.add(g.input(), code.let("gx", backward), true);
        };
    }

    private Consumer<String> linear(Linear l) {
        String x = code.of(l.input());
        String weight = code.of(l.weight());
        code.set(l.output(), call("linear", x, weight, code.of(l.bias())));
        return gradient -> {
            if (needs.gradient(l.input())) {
                gradients.add(l.input(), code.let("gx", call("mm", gradient, weight)), true);
            }
            if (needs.gradient(l.weight())) {
                String transposed = call("t", gradient);
                gradients.add(l.weight(), code.let("gw", call("mm", transposed, x)), true);
            }
            if (needs.gradient(l.bias())) {
                gradients.add(l.bias(), code.let("gb", call("sum", gradient, "[0]")), true);
            }
        };
    }

    private Consumer<String> subsample(Subsample s) {
        String x = code.of(s.input());
        code.set(s.output(), Maps.subsample(x, s.step()));
        return gradient -> {
            String g = code.let("gx", call("zeros_like", x));
            code.run(call("copy_", Maps.subsample(g, s.step()), gradient));
            gradients.add(s.input(), g, true);
        };
    }

    private Consumer<String> padChannels(PadChannels p) {
        String x = code.of(p.input());
        String padding = "[0, 0, 0, 0, " + p.before() + ", " + p.after() + "]";
        code.set(p.output(), call("constant_pad_nd", x, padding, 0));
        return gradient -> {
            String part = call("narrow", gradient, 1, p.before(), call("size", x, 1));
            gradients.add(p.input(), code.let("gx", part), false);
        };
    }

    private Consumer<String> padMap(PadMap p) {
        String x = code.of(p.input());
        code.set(p.output(), Maps.padded(x, p));
        return gradient -> {
            String rows = call("narrow", gradient, 2, p.before().height(), call("size", x, 2));
            String part = call("narrow", rows, 3, p.before().width(), call("size", x, 3));
            gradients.add(p.input(), code.let("gx", part), false);
        };
    }

    private Consumer<String> mapMatrix(MapMatrix m) {
        String weight = code.of(m.weight());
        String taps = code.let("taps", call("permute", weight, "[2, 3, 0, 1]"));
        code.set(m.output(), Tap.matrix(m, taps));
        return gradient -> {
            String g = code.let("gw", call("zeros_like", weight));
            String into = code.let("taps", call("permute", g, "[2, 3, 0, 1]"));
            String out = call("size", weight, 0);
            String in = call("size", weight, 1);
            List<List<Tap>> rows = Tap.of(m.window(), m.size());
            for (int row = 0; row < rows.size(); row++) {
                String part = call("narrow", gradient, 0, call("mul", out, row), out);
                for (int i = 0; i < rows.get(row).size(); i++) {
                    String block = call("narrow", part, 1, call("mul", in, i), in);
                    code.run(call("add_", rows.get(row).get(i).select(into), block));
                }
            }
            gradients.add(m.weight(), g, true);
        };
    }

    private Consumer<String> mapProduct(MapProduct p) {
        String x = code.let("rows", Maps.rows(code.of(p.input())));
        String matrix = code.of(p.matrix());
        int positions = p.result().height() * p.result().width();
        String bias = p.bias() == null ? "None" : repeated(code.of(p.bias()), positions);
        String y = code.let("product", Maps.product(x, matrix, bias, oneDnn));
        code.set(p.output(), Maps.map(y, p.result()));
        return gradient -> {
            String g = code.let("rows", Maps.rows(gradient));
            if (needs.gradient(p.matrix())) {
                String gw = Maps.product(call("t", g), call("t", x), "None", oneDnn);
                gradients.add(p.matrix(), code.let("gw", gw), true);
            }
            if (needs.gradient(p.bias())) {
                String channels = call("size", code.of(p.bias()), 0);
                String each = call("reshape", g, "[-1, " + channels + "]");
                gradients.add(p.bias(), code.let("gb", call("sum", each, "[0]")), true);
            }
            if (needs.gradient(p.input())) {
                String gx = Maps.product(g, call("t", matrix), "None", oneDnn);
                String back = Maps.like(gx, code.of(p.input()));
                gradients.add(p.input(), code.let("gx", back), true);
            }
        };
    }

    /** Repeats a bias for each position of a map. */
    static String repeated(String bias, int positions) {
        return positions == 1 ? bias : call("repeat", bias, "[" + positions + "]");
    }

    private Consumer<String> cast(Cast c) {
        code.set(c.output(), call("to", code.of(c.input()), type(c.precision())));
        Precision before =
                c.precision() == Precision.FLOAT32 ? Precision.BFLOAT16 : Precision.FLOAT32;
        return gradient -> {
            String g = code.let("g", call("to", gradient, type(before)));
            gradients.add(c.input(), g, true);
        };
    }

    /** ATen's number of a type. */
    static int type(Precision precision) {
        return precision == Precision.FLOAT32 ? 6 : 15;
    }
}
