package org.djlresnet.program;

import static org.djlresnet.program.Code.call;
import static org.djlresnet.program.Code.pair;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.djlresnet.engine.Precision;
import org.djlresnet.graph.DescribedNetwork;
import org.djlresnet.graph.Graph;
import org.djlresnet.graph.Operation;
import org.djlresnet.graph.Operation.Add;
import org.djlresnet.graph.Operation.AveragePool;
import org.djlresnet.graph.Operation.BatchNorm;
import org.djlresnet.graph.Operation.Concatenate;
import org.djlresnet.graph.Operation.Convolution;
import org.djlresnet.graph.Operation.Flatten;
import org.djlresnet.graph.Operation.Fused;
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
 * Writes the evaluation of a graph as three methods: {@code prepare} folds, arranges and casts the
 * weights and keeps them in the program, {@code forget} frees them, and {@code evaluate} computes
 * the outputs.
 *
 * <p>With γ, β, μ, σ² of a batch normalization, folding means
 *
 * <pre>
 * weight' = weight · γ / √(σ² + ε)
 * bias'   = (bias − μ) · γ / √(σ² + ε) + β
 * </pre>
 */
final class EvaluationCode {

    private final Graph graph;
    private final Precision precision;
    private final boolean oneDnn;
    private final boolean keepsNan;
    private final Set<Value> single;
    private final Code prepare = new Code();
    private final Code code = new Code();
    private final List<String> kept = new ArrayList<>();

    /**
     * Prepares to write.
     *
     * @param graph a graph after {@code Passes.fuse}, in float32
     * @param precision the precision of convolutions and activations
     * @param oneDnn whether to use oneDNN's fused convolutions and products
     * @param keepsNan whether activations of NaN are NaN, which oneDNN's fused ones turn into 0
     * @param single the maps of one pixel
     */
    EvaluationCode(
            Graph graph, Precision precision, boolean oneDnn, boolean keepsNan, Set<Value> single) {
        this.graph = graph;
        this.precision = precision;
        this.oneDnn = oneDnn;
        this.keepsNan = keepsNan;
        this.single = single;
    }

    /**
     * Writes the methods.
     *
     * @param parameters the parameters in the order of the list q
     */
    String write(List<Value> parameters) {
        for (int i = 0; i < parameters.size(); i++) {
            prepare.set(parameters.get(i), "q[" + i + "]");
        }
        List<String> arguments = new ArrayList<>();
        for (Value input : graph.inputs()) {
            boolean first = arguments.isEmpty();
            String name = first ? "x" : input.name();
            arguments.add(name + ": Tensor");
            boolean casts = first && !input.equals(DescribedNetwork.LATENTS);
            code.alias(input, casts ? code.let("images", cast("x")) : name);
        }
        graph.operations().forEach(this::operation);
        List<String> outputs = graph.outputs().stream().map(this::output).toList();
        boolean several = outputs.size() > 1;
        code.result(several ? outputs.toString() : outputs.get(0));
        return "  def prepare(self: __torch__.Program, q: List[Tensor]) -> Tensor:\n"
                + prepare
                + "    self.kept = annotate(List[Tensor], "
                + kept
                + ")\n"
                + "    return q[0]\n"
                + "  def forget(self: __torch__.Program, q: List[Tensor]) -> Tensor:\n"
                + "    self.kept = annotate(List[Tensor], [])\n"
                + "    return q[0]\n"
                + "  def evaluate(self: __torch__.Program, "
                + String.join(", ", arguments)
                + (several ? ") -> List[Tensor]:\n" : ") -> Tensor:\n")
                + "    p = self.kept\n"
                + code;
    }

    /** An output in float32; it may be a tensor of the network. */
    private String output(Value value) {
        String computed = code.of(value);
        String all = computed == null ? keep(call("clone", prepare.of(value))) : computed;
        return casts() ? call("to", all, 6) : all;
    }

    private void operation(Operation operation) {
        if (operation instanceof Fused f && f.product() instanceof Convolution c) {
            convolution(f, c);
        } else if (operation instanceof Fused f && f.product() instanceof TransposedConvolution t) {
            transposed(f, t);
        } else if (operation instanceof Fused f) {
            product(f, (MapProduct) f.product());
        } else if (operation instanceof MapMatrix m) {
            String taps =
                    prepare.let("taps", call("permute", prepare.of(m.weight()), "[2, 3, 0, 1]"));
            prepare.set(m.output(), Tap.matrix(m, taps));
        } else if (operation instanceof BatchNorm b) {
            batchNorm(b);
        } else if (operation instanceof Relu r) {
            code.set(r.output(), call(r.inPlace() ? "relu_" : "relu", code.of(r.input())));
        } else if (operation instanceof Gelu g) {
            code.set(g.output(), call("gelu", code.of(g.input())));
        } else if (operation instanceof Sigmoid s) {
            code.set(s.output(), call("sigmoid", code.of(s.input())));
        } else if (operation instanceof Flatten f) {
            String flat = call("flatten", code.of(f.input()), 1);
            code.set(f.output(), casts() ? call("to", flat, 6) : flat);
        } else if (operation instanceof Unflatten u) {
            code.set(u.output(), Maps.unflattened(cast(code.of(u.input())), u));
        } else if (operation instanceof Concatenate c) {
            code.set(c.output(), Maps.concatenated(code, c));
        } else if (operation instanceof OneHot h) {
            code.set(h.output(), Maps.oneHot(code.of(h.input()), h));
        } else if (operation instanceof Sample s) {
            String deviation =
                    call("exp", call("mul", code.of(s.logVariance()), Code.number(s.exponent())));
            String moved = call("mul", deviation, code.of(s.noise()));
            code.set(s.output(), call("add", code.of(s.mean()), moved));
        } else if (operation instanceof Scale s) {
            code.set(s.output(), call("mul", code.of(s.input()), Code.number(s.factor())));
        } else if (operation instanceof Add a) {
            String add = a.inPlace() ? "add_" : "add";
            code.set(a.output(), call(add, code.of(a.branch()), code.of(a.shortcut())));
        } else if (operation instanceof MaxPool m) {
            Window w = m.window();
            String window = pair(w.kernel()) + ", " + pair(w.stride()) + ", " + pair(w.padding());
            code.set(m.output(), call("max_pool2d", code.of(m.input()), window));
        } else if (operation instanceof AveragePool a) {
            String window = TrainingOperations.averagePoolWindow(a);
            code.set(a.output(), call("avg_pool2d", code.of(a.input()), window));
        } else if (operation instanceof GlobalAveragePool g) {
            String x = code.of(g.input());
            code.set(g.output(), call("mean", casts() ? call("to", x, 6) : x, "[2, 3]"));
        } else if (operation instanceof GlobalMaxPool g) {
            String pooled = call("amax", code.of(g.input()), "[2, 3]");
            code.set(g.output(), casts() ? call("to", pooled, 6) : pooled);
        } else if (operation instanceof Linear l) {
            String weight = keep(call("clone", prepare.of(l.weight())));
            String bias = l.bias() == null ? "None" : keep(call("clone", prepare.of(l.bias())));
            code.set(l.output(), call("linear", code.of(l.input()), weight, bias));
        } else if (operation instanceof Subsample s) {
            code.set(s.output(), Maps.subsample(code.of(s.input()), s.step()));
        } else if (operation instanceof PadChannels p) {
            String padding = "[0, 0, 0, 0, " + p.before() + ", " + p.after() + "]";
            code.set(p.output(), call("constant_pad_nd", code.of(p.input()), padding, 0));
        } else if (operation instanceof PadMap p) {
            code.set(p.output(), Maps.padded(code.of(p.input()), p));
        } else {
            throw new IllegalArgumentException("Not an operation of evaluation: " + operation);
        }
    }

    /** Pre-activation: with float32 statistics in either precision. */
    private void batchNorm(BatchNorm b) {
        List<String> tensors = new ArrayList<>();
        for (Value value : List.of(b.weight(), b.bias(), b.mean(), b.variance())) {
            tensors.add(keep(call("clone", prepare.of(value))));
        }
        String norm = String.join(", ", tensors) + ", False, 0., " + Code.number(b.epsilon());
        code.set(b.output(), call("batch_norm", code.of(b.input()), norm, "False"));
    }

    private void convolution(Fused f, Convolution c) {
        Kernel kernel = folded(f, c.weight(), c.bias(), "[-1, 1, 1, 1]");
        String x = code.of(c.input());
        String b = kernel.bias();
        Window n = c.window();
        if (!oneDnn) {
            String w = keep(kernel.weight());
            String window = pair(n.stride()) + ", " + pair(n.padding()) + ", [1, 1], " + c.groups();
            code.set(f.output(), finished(f, call("conv2d", x, w, b, window)));
            return;
        }
        String window = pair(n.padding()) + ", " + pair(n.stride()) + ", [1, 1], " + c.groups();
        String packed =
                "ops.mkldnn._reorder_convolution_weight(%s, %s, None)"
                        .formatted(kernel.weight(), window);
        String w = keep(packed);
        Fused.Activation activation = keepsNan ? Fused.Activation.NONE : f.activation();
        String relu = activation == Fused.Activation.RELU ? "\"relu\"" : "None";
        String with = "\"add\", 1., " + relu + ", [], None)";
        String call;
        if (f.added() == null) {
            String unary =
                    switch (activation) {
                        case NONE -> "\"none\", [], \"\")";
                        case RELU -> "\"relu\", [], \"\")";
                        case GELU -> "\"gelu\", [], \"none\")";
                    };
            call = pointwise("", x, w, b, window, unary);
        } else {
            // oneDNN fuses no other order, and has no bfloat16 then
            String added = call("contiguous", code.of(f.added()), "memory_format=2");
            boolean fails = !f.inPlace() && single.contains(f.output());
            if (fails) {
                // oneDNN adds to maps of one pixel only in place
                added = call("clone", added);
            }
            call =
                    f.inPlace() || fails
                            ? pointwise("_", added, x, w, b, window, with)
                            : pointwise("", x, added, w, b, window, with);
        }
        code.set(f.output(), keepsNan ? activated(f.activation(), call) : call);
    }

    private void transposed(Fused f, TransposedConvolution t) {
        Kernel kernel = folded(f, t.weight(), t.bias(), "[1, -1, 1, 1]");
        String w = keep(kernel.weight());
        String window = MapOperations.transposedWindow(t);
        String product = call("convolution", code.of(t.input()), w, kernel.bias(), window);
        code.set(f.output(), finished(f, product));
    }

    /** A kernel with its normalization: the weight with the channels last, and the bias, kept. */
    private record Kernel(String weight, String bias) {}

    /**
     * Folds the normalization into a convolution.
     *
     * @param channels the shape that puts output channels where the weight has them
     */
    private Kernel folded(Fused f, Value kernel, Value offset, String channels) {
        String weight = prepare.of(kernel);
        String bias = offset == null ? "None" : call("clone", prepare.of(offset));
        if (f.norm() != null) {
            String scale = scale(f.norm());
            weight = call("mul", weight, call("reshape", scale, channels));
            bias = shift(bias, f.norm(), scale);
        }
        return new Kernel(
                cast(Maps.channelsLast(weight)), bias.equals("None") ? bias : keep(cast(bias)));
    }

    private static String pointwise(String suffix, String... arguments) {
        return "ops.mkldnn._convolution_pointwise" + suffix + "(" + String.join(", ", arguments);
    }

    private void product(Fused f, MapProduct p) {
        int positions = p.result().height() * p.result().width();
        String matrix = call("clone", prepare.of(p.matrix()));
        String bias = p.bias() == null ? "None" : call("clone", prepare.of(p.bias()));
        if (f.norm() != null) {
            String scale = scale(f.norm());
            bias = shift(bias, f.norm(), scale);
            String rows = MapOperations.repeated(scale, positions);
            matrix = call("mul", matrix, call("unsqueeze", rows, 1));
        }
        boolean packs = oneDnn && !casts();
        String whole = cast(call("contiguous", matrix));
        String w =
                keep(
                        packs
                                ? "ops.mkldnn._reorder_linear_weight(%s, None)".formatted(whole)
                                : whole);
        String b = bias.equals("None") ? bias : keep(cast(MapOperations.repeated(bias, positions)));
        String y = code.let("product", Maps.product(Maps.rows(code.of(p.input())), w, b, packs));
        code.set(f.output(), finished(f, Maps.map(y, p.result())));
    }

    /** Adds what is added to a product, and applies its activation. */
    private String finished(Fused f, String product) {
        String sum = f.added() == null ? product : call("add_", product, code.of(f.added()));
        return activated(f.activation(), sum);
    }

    private static String activated(Fused.Activation activation, String sum) {
        return switch (activation) {
            case NONE -> sum;
            case RELU -> call("relu_", sum);
            case GELU -> call("gelu_", sum);
        };
    }

    /** γ / √(σ² + ε). */
    private String scale(BatchNorm b) {
        String variance = call("add", prepare.of(b.variance()), Code.number(b.epsilon()));
        return prepare.let("scale", call("div", prepare.of(b.weight()), call("sqrt", variance)));
    }

    /** (bias − μ) · scale + β. */
    private String shift(String bias, BatchNorm b, String scale) {
        String mean = prepare.of(b.mean());
        String centred = bias.equals("None") ? call("neg", mean) : call("sub", bias, mean);
        return prepare.let("bias", call("add", call("mul", centred, scale), prepare.of(b.bias())));
    }

    private String cast(String value) {
        return casts() ? call("to", value, 15) : value;
    }

    private boolean casts() {
        return precision != Precision.FLOAT32;
    }

    /** Keeps a prepared tensor; returns how the evaluation reads it. */
    private String keep(String tensor) {
        kept.add(tensor);
        return "p[" + (kept.size() - 1) + "]";
    }
}
