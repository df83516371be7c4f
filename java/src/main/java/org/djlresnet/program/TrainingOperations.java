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
import org.djlresnet.graph.Operation.Concatenate;
import org.djlresnet.graph.Operation.Convolution;
import org.djlresnet.graph.Operation.Flatten;
import org.djlresnet.graph.Operation.Gelu;
import org.djlresnet.graph.Operation.GlobalAveragePool;
import org.djlresnet.graph.Operation.GlobalMaxPool;
import org.djlresnet.graph.Operation.Linear;
import org.djlresnet.graph.Operation.MapMatrix;
import org.djlresnet.graph.Operation.MapProduct;
import org.djlresnet.graph.Operation.MaxPool;
import org.djlresnet.graph.Operation.OneHot;
import org.djlresnet.graph.Operation.PadChannels;
import org.djlresnet.graph.Operation.PadMap;
import org.djlresnet.graph.Operation.Relu;
import org.djlresnet.graph.Operation.Sample;
import org.djlresnet.graph.Operation.Scale;
import org.djlresnet.graph.Operation.Sigmoid;
import org.djlresnet.graph.Operation.Subsample;
import org.djlresnet.graph.Operation.TransposedConvolution;
import org.djlresnet.graph.Operation.Unflatten;
import org.djlresnet.graph.Value;
import org.djlresnet.graph.Window;

/**
 * Writes the forward pass of each operation in training mode, and its backward pass with ATen's own
 * backward operators.
 */
final class TrainingOperations {

    private final Code code;
    private final GradientVariables gradients;
    private final MapOperations maps;
    private final Map<Value, Operation> producers;

    private final Needs needs;
    private final boolean holdsPieces;
    private int kinks;

    TrainingOperations(
            Graph graph,
            Code code,
            GradientVariables gradients,
            Needs needs,
            boolean oneDnn,
            boolean holdsPieces) {
        this.holdsPieces = holdsPieces;
        this.needs = needs;
        this.code = code;
        this.gradients = gradients;
        maps = new MapOperations(code, gradients, needs, oneDnn);
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
        } else if (operation instanceof Sigmoid s) {
            return sigmoid(s);
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
        } else if (operation instanceof TransposedConvolution t) {
            return maps.transposedConvolution(t);
        } else if (operation instanceof Flatten f) {
            return maps.flatten(f);
        } else if (operation instanceof Unflatten u) {
            return maps.unflatten(u);
        } else if (operation instanceof Concatenate c) {
            return maps.concatenate(c);
        } else if (operation instanceof OneHot h) {
            return maps.oneHot(h);
        } else if (operation instanceof Sample s) {
            return maps.sample(s);
        } else if (operation instanceof Subsample s) {
            return maps.subsample(s);
        } else if (operation instanceof PadChannels p) {
            return maps.padChannels(p);
        } else if (operation instanceof PadMap p) {
            return maps.padMap(p);
        } else if (operation instanceof MapMatrix m) {
            return maps.mapMatrix(m);
        } else if (operation instanceof MapProduct p) {
            return maps.mapProduct(p);
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
        boolean moves = needs.gradient(c.weight());
        boolean bias = needs.gradient(c.bias());
        // with a bias, whose gradient oneDNN computes together with the weight's, in one call
        boolean apart = moves && !bias && c.groups() == 1 && isCast(c.weight());
        boolean together = moves && !apart;
        return gradient -> {
            if (passes || together) {
                String size = bias && together ? call("size", code.of(c.bias())) : "None";
                String mask =
                        "[%s, %s, %s]"
                                .formatted(bool(passes), bool(together), bool(bias && together));
                List<String> g =
                        code.unpack(
                                List.of("gx", "gw", "gb"),
                                call(
                                        "convolution_backward",
                                        gradient,
                                        x,
                                        weight,
                                        size,
                                        window,
                                        mask));
                if (passes) {
                    gradients.add(c.input(), g.get(0), true);
                }
                if (together) {
                    gradients.add(c.weight(), g.get(1), true);
                }
                if (bias && together) {
                    gradients.add(c.bias(), g.get(2), true);
                }
            }
            if (apart) {
                String of =
                        WeightGradients.call(
                                gradient, x, weight, pair(w.stride()), pair(w.padding()));
                gradients.add(c.weight(), code.let("gw", of), true);
            }
            if (bias && !together) {
                String sum = call("sum", gradient, "[0, 2, 3]");
                gradients.add(c.bias(), code.let("gb", sum), true);
            }
        };
    }

    private boolean isCast(Value value) {
        return producers.get(value) instanceof Cast;
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

    /** Writes what the first step recorded instead of what this one finds. */
    private String side(String now) {
        return holdsPieces ? "(self).side(" + now + ", " + kinks++ + ", )" : now;
    }

    /** Writes the values at the places that a pooling took in the first step. */
    private String taken(String x, String indices) {
        String values = call("gather", call("flatten", x, 2), 2, call("flatten", indices, 2));
        return call("reshape", values, call("size", indices));
    }

    private Consumer<String> relu(Relu r) {
        if (holdsPieces) {
            String x = code.of(r.input());
            String mask = code.let("side", side(call("gt", x, 0)));
            code.set(r.output(), call("mul", x, mask));
            return gradient ->
                    gradients.add(r.input(), code.let("gx", call("mul", gradient, mask)), true);
        }
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

    private Consumer<String> sigmoid(Sigmoid s) {
        String y = code.set(s.output(), call("sigmoid", code.of(s.input())));
        return gradient ->
                gradients.add(
                        s.input(), code.let("gx", call("sigmoid_backward", gradient, y)), true);
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
        String indices = y.get(1);
        if (holdsPieces) {
            indices = code.let("side", side(indices));
            code.set(m.output(), taken(x, indices));
        } else {
            code.alias(m.output(), y.get(0));
        }
        String places = indices;
        // only the shape counts, so that the normalized map need not be kept
        Operation producer = producers.get(m.input());
        String like = producer instanceof BatchNorm b ? code.of(b.input()) : x;
        return gradient -> {
            String backward = "max_pool2d_with_indices_backward";
            String g = code.let("gx", call(backward, gradient, like, window, places));
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
        String indices = holdsPieces ? code.let("side", side(y.get(1))) : y.get(1);
        String pooled = holdsPieces ? taken(x, indices) : y.get(0);
        code.set(g.output(), call("flatten", pooled, 1));
        return gradient -> {
            String map = call("unsqueeze", call("unsqueeze", gradient, 2), 3);
            String backward = call("adaptive_max_pool2d_backward", map, x, indices);
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
