package org.djlresnet.program;

import static org.djlresnet.program.Code.bool;
import static org.djlresnet.program.Code.call;

import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.djlresnet.graph.Operation.Concatenate;
import org.djlresnet.graph.Operation.Flatten;
import org.djlresnet.graph.Operation.MapMatrix;
import org.djlresnet.graph.Operation.MapProduct;
import org.djlresnet.graph.Operation.OneHot;
import org.djlresnet.graph.Operation.PadChannels;
import org.djlresnet.graph.Operation.PadMap;
import org.djlresnet.graph.Operation.Sample;
import org.djlresnet.graph.Operation.Subsample;
import org.djlresnet.graph.Operation.TransposedConvolution;
import org.djlresnet.graph.Operation.Unflatten;
import org.djlresnet.graph.Value;

/** Writes training passes of operations that move the values of maps, and of whole-map products. */
final class MapOperations {

    private final Code code;
    private final GradientVariables gradients;
    private final Needs needs;
    private final boolean oneDnn;

    MapOperations(Code code, GradientVariables gradients, Needs needs, boolean oneDnn) {
        this.needs = needs;
        this.code = code;
        this.gradients = gradients;
        this.oneDnn = oneDnn;
    }

    Consumer<String> subsample(Subsample s) {
        String x = code.of(s.input());
        code.set(s.output(), Maps.subsample(x, s.step()));
        return gradient -> {
            String g = code.let("gx", call("zeros_like", x));
            code.run(call("copy_", Maps.subsample(g, s.step()), gradient));
            gradients.add(s.input(), g, true);
        };
    }

    Consumer<String> transposedConvolution(TransposedConvolution t) {
        String x = code.of(t.input());
        String weight = code.of(t.weight());
        String window = transposedWindow(t);
        code.set(t.output(), call("convolution", x, weight, code.of(t.bias()), window));
        return gradient -> {
            boolean bias = needs.gradient(t.bias());
            String size = bias ? call("size", code.of(t.bias())) : "None";
            String mask =
                    "[%s, %s, %s]"
                            .formatted(
                                    bool(needs.gradient(t.input())),
                                    bool(needs.gradient(t.weight())),
                                    bool(bias));
            List<String> g =
                    code.unpack(
                            List.of("gx", "gw", "gb"),
                            call("convolution_backward", gradient, x, weight, size, window, mask));
            List<Value> operands = Arrays.asList(t.input(), t.weight(), t.bias());
            for (int i = 0; i < operands.size(); i++) {
                if (needs.gradient(operands.get(i))) {
                    gradients.add(operands.get(i), g.get(i), true);
                }
            }
        };
    }

    /** The arguments of ATen's convolution after the bias. */
    static String transposedWindow(TransposedConvolution t) {
        return "[%1$s, %1$s], [%2$s, %2$s], [1, 1], True, [%3$s, %3$s], 1"
                .formatted(t.stride(), t.kernel() / 2, t.stride() - 1);
    }

    Consumer<String> flatten(Flatten f) {
        String x = code.of(f.input());
        code.set(f.output(), call("flatten", x, 1));
        return gradient -> {
            String map = call("reshape", gradient, call("size", x));
            String ordered = call("contiguous", map, "memory_format=2");
            gradients.add(f.input(), code.let("gx", ordered), true);
        };
    }

    Consumer<String> unflatten(Unflatten u) {
        code.set(u.output(), Maps.unflattened(code.of(u.input()), u));
        return gradient ->
                gradients.add(u.input(), code.let("gx", call("flatten", gradient, 1)), false);
    }

    Consumer<String> concatenate(Concatenate c) {
        code.set(c.output(), Maps.concatenated(code, c));
        String first = code.of(c.first());
        String second = code.of(c.second());
        return gradient -> {
            String border = call("size", first, 1);
            if (needs.gradient(c.first())) {
                String part = call("narrow", gradient, 1, 0, border);
                gradients.add(c.first(), code.let("gx", part), false);
            }
            if (needs.gradient(c.second())) {
                String part = call("narrow", gradient, 1, border, call("size", second, 1));
                gradients.add(c.second(), code.let("gx", part), false);
            }
        };
    }

    Consumer<String> oneHot(OneHot h) {
        code.set(h.output(), Maps.oneHot(code.of(h.input()), h));
        return gradient -> {};
    }

    Consumer<String> sample(Sample s) {
        String exponent = Code.number(s.exponent());
        String deviation =
                code.let("deviation", call("exp", call("mul", code.of(s.logVariance()), exponent)));
        String moved = code.let("moved", call("mul", deviation, code.of(s.noise())));
        code.set(s.output(), call("add", code.of(s.mean()), moved));
        return gradient -> {
            if (needs.gradient(s.mean())) {
                gradients.add(s.mean(), gradient, false);
            }
            if (needs.gradient(s.logVariance())) {
                String g = call("mul", call("mul", gradient, moved), exponent);
                gradients.add(s.logVariance(), code.let("gx", g), true);
            }
        };
    }

    Consumer<String> padChannels(PadChannels p) {
        String x = code.of(p.input());
        String padding = "[0, 0, 0, 0, " + p.before() + ", " + p.after() + "]";
        code.set(p.output(), call("constant_pad_nd", x, padding, 0));
        return gradient -> {
            String part = call("narrow", gradient, 1, p.before(), call("size", x, 1));
            gradients.add(p.input(), code.let("gx", part), false);
        };
    }

    Consumer<String> padMap(PadMap p) {
        String x = code.of(p.input());
        code.set(p.output(), Maps.padded(x, p));
        return gradient -> {
            String rows = call("narrow", gradient, 2, p.before().height(), call("size", x, 2));
            String part = call("narrow", rows, 3, p.before().width(), call("size", x, 3));
            gradients.add(p.input(), code.let("gx", part), false);
        };
    }

    Consumer<String> mapMatrix(MapMatrix m) {
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

    Consumer<String> mapProduct(MapProduct p) {
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
}
