package org.djlresnet.graph;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.djlresnet.engine.Precision;
import org.djlresnet.graph.Operation.Add;
import org.djlresnet.graph.Operation.BatchNorm;
import org.djlresnet.graph.Operation.Cast;
import org.djlresnet.graph.Operation.Convolution;
import org.djlresnet.graph.Operation.Flatten;
import org.djlresnet.graph.Operation.Fused;
import org.djlresnet.graph.Operation.Fused.Activation;
import org.djlresnet.graph.Operation.Gelu;
import org.djlresnet.graph.Operation.GlobalAveragePool;
import org.djlresnet.graph.Operation.GlobalMaxPool;
import org.djlresnet.graph.Operation.MapMatrix;
import org.djlresnet.graph.Operation.MapProduct;
import org.djlresnet.graph.Operation.MaxPool;
import org.djlresnet.graph.Operation.PadChannels;
import org.djlresnet.graph.Operation.PadMap;
import org.djlresnet.graph.Operation.Relu;
import org.djlresnet.graph.Operation.TransposedConvolution;
import org.djlresnet.graph.Operation.Unflatten;

/** Rewrites of graphs; each returns a graph that computes the same except for rounding. */
public final class Passes {

    /** The part of a map below which computing only it pays for padding its input. */
    private static final double CROPPED = 0.9;

    private Passes() {}

    /**
     * Moves max pooling before the ReLU that it follows, which then has a quarter of the values.
     *
     * @param graph the graph
     * @return the graph with each such pair exchanged
     */
    public static Graph poolBeforeRelu(Graph graph) {
        Map<Value, Integer> uses = graph.uses();
        List<Operation> result = new ArrayList<>();
        List<Operation> operations = graph.operations();
        for (int i = 0; i < operations.size(); i++) {
            if (operations.get(i) instanceof Relu relu
                    && i + 1 < operations.size()
                    && operations.get(i + 1) instanceof MaxPool pool
                    && pool.input().equals(relu.output())
                    && uses.get(relu.output()) == 1) {
                Value pooled = new Value(pool.output().name() + ".before_relu");
                result.add(new MaxPool(pooled, relu.input(), pool.window()));
                result.add(new Relu(pool.output(), pooled, false));
                i++;
            } else {
                result.add(operations.get(i));
            }
        }
        return graph.with(result);
    }

    /**
     * Computes no outputs of a convolution that the pooling after it leaves out: the last row and
     * column of a map with an odd size. The convolution then gets its padding as zeros.
     *
     * @param graph the graph
     * @param images the images' height and width
     * @return the graph with smaller convolutions where that saves enough
     */
    public static Graph cropForPooling(Graph graph, Window.Pair images) {
        Map<Value, Window.Pair> sizes = MapSizes.of(graph, images);
        Map<Value, Integer> uses = graph.uses();
        List<Operation> result = new ArrayList<>();
        List<Operation> operations = graph.operations();
        for (int i = 0; i < operations.size(); i++) {
            if (operations.get(i) instanceof Convolution c
                    && c.window().stride().equals(Window.Pair.square(1))
                    && i + 1 < operations.size()
                    && operations.get(i + 1) instanceof MaxPool pool
                    && pool.input().equals(c.output())
                    && uses.get(c.output()) == 1
                    && pool.window().padding().equals(Window.Pair.square(0))) {
                Window.Pair size = sizes.get(c.output());
                Window.Pair left = leftOut(size, pool.window(), c.window().padding());
                double kept =
                        (double) (size.height() - left.height())
                                * (size.width() - left.width())
                                / (size.height() * size.width());
                if (kept < CROPPED) {
                    Window.Pair padding = c.window().padding();
                    Window.Pair after =
                            new Window.Pair(
                                    padding.height() - left.height(),
                                    padding.width() - left.width());
                    Value padded = new Value(c.output().name() + ".padded");
                    Window window =
                            new Window(
                                    c.window().kernel(),
                                    c.window().stride(),
                                    Window.Pair.square(0));
                    result.add(new PadMap(padded, c.input(), padding, after));
                    result.add(
                            new Convolution(
                                    c.output(), padded, c.weight(), c.bias(), window, c.groups()));
                    continue;
                }
            }
            result.add(operations.get(i));
        }
        return graph.with(result);
    }

    /** How many last rows and columns no window reads, but not more than there is padding. */
    private static Window.Pair leftOut(Window.Pair size, Window pool, Window.Pair padding) {
        Window.Pair windows = pool.over(size);
        int height = (windows.height() - 1) * pool.stride().height() + pool.kernel().height();
        int width = (windows.width() - 1) * pool.stride().width() + pool.kernel().width();
        return new Window.Pair(
                Math.min(padding.height(), size.height() - height),
                Math.min(padding.width(), size.width() - width));
    }

    /**
     * Turns convolutions whose every position sees the whole map into matrix products, which
     * multiply no padding.
     *
     * @param graph the graph
     * @param images the images' height and width
     * @return the graph with products for maps of up to 2×2
     */
    public static Graph mapProducts(Graph graph, Window.Pair images) {
        Map<Value, Window.Pair> sizes = MapSizes.of(graph, images);
        List<Operation> result = new ArrayList<>();
        for (Operation operation : graph.operations()) {
            if (operation instanceof Convolution c && seesAll(c, sizes)) {
                Window.Pair size = sizes.get(c.input());
                Value matrix = new Value(c.weight().name() + ".matrix");
                result.add(new MapMatrix(matrix, c.weight(), c.window(), size));
                result.add(
                        new MapProduct(
                                c.output(), c.input(), matrix, c.bias(), c.window().over(size)));
            } else {
                result.add(operation);
            }
        }
        return graph.with(result);
    }

    private static boolean seesAll(Convolution convolution, Map<Value, Window.Pair> sizes) {
        Window window = convolution.window();
        return convolution.groups() == 1
                && window.kernel().height() * window.kernel().width() > 1
                && seesAll(
                        sizes.get(convolution.input()).height(),
                        window.kernel().height(),
                        window.stride().height(),
                        window.padding().height())
                && seesAll(
                        sizes.get(convolution.input()).width(),
                        window.kernel().width(),
                        window.stride().width(),
                        window.padding().width());
    }

    private static boolean seesAll(int size, int kernel, int stride, int padding) {
        int lastStart = (size + 2 * padding - kernel) / stride * stride - padding;
        return size <= 2 && lastStart <= 0 && kernel - padding >= size;
    }

    /**
     * Computes convolutions and activations in another precision; normalization keeps its
     * statistics, and means of whole maps, what is not a map, and outputs stay in float32.
     *
     * @param graph the graph
     * @param precision the precision
     * @return the graph with casts
     */
    public static Graph precision(Graph graph, Precision precision) {
        if (precision == Precision.FLOAT32) {
            return graph;
        }
        List<Operation> result = new ArrayList<>();
        Map<Value, Value> replaced = new HashMap<>();
        Set<Value> maps = new HashSet<>();
        if (!graph.input().equals(DescribedNetwork.LATENTS)) {
            maps.add(graph.input());
            cast(graph.input(), precision, replaced, result);
        }
        for (Operation operation : graph.operations()) {
            if (operation instanceof Convolution c) {
                cast(c.weight(), precision, replaced, result);
                cast(c.bias(), precision, replaced, result);
            } else if (operation instanceof TransposedConvolution t) {
                cast(t.weight(), precision, replaced, result);
                cast(t.bias(), precision, replaced, result);
            } else if (operation instanceof MapProduct p) {
                cast(p.matrix(), precision, replaced, result);
                cast(p.bias(), precision, replaced, result);
            }
            Operation reading = operation.reading(value -> replaced.getOrDefault(value, value));
            if (operation instanceof GlobalAveragePool g) {
                Value map = replaced.getOrDefault(g.input(), g.input());
                cast(map, Precision.FLOAT32, replaced, result);
                reading = new GlobalAveragePool(g.output(), replaced.get(map));
            } else if (operation instanceof GlobalMaxPool g) {
                // a maximum needs no rounding, and there are fewer maxima to cast
                Value pooled = new Value(g.output().name() + "." + precision);
                Value map = replaced.getOrDefault(g.input(), g.input());
                result.add(new GlobalMaxPool(pooled, map));
                reading = new Cast(g.output(), pooled, Precision.FLOAT32);
            } else if (operation instanceof Flatten f) {
                Value flat = new Value(f.output().name() + "." + precision);
                result.add(new Flatten(flat, replaced.getOrDefault(f.input(), f.input())));
                reading = new Cast(f.output(), flat, Precision.FLOAT32);
            } else if (maps.contains(operation.operands().get(0))) {
                maps.add(operation.output());
            }
            result.add(reading);
            if (operation instanceof Unflatten u) {
                maps.add(u.output());
                cast(u.output(), precision, replaced, result);
            }
        }
        List<Value> outputs = new ArrayList<>();
        for (Value output : graph.outputs()) {
            if (maps.contains(output)) {
                Value whole = new Value(output.name() + ".float32");
                result.add(new Cast(whole, output, Precision.FLOAT32));
                outputs.add(whole);
            } else {
                outputs.add(output);
            }
        }
        return new Graph(graph.inputs(), outputs, result);
    }

    private static void cast(
            Value value, Precision precision, Map<Value, Value> replaced, List<Operation> result) {
        if (value == null || replaced.containsKey(value)) {
            return;
        }
        Value output = new Value(value.name() + "." + precision);
        result.add(new Cast(output, value, precision));
        replaced.put(value, output);
    }

    /**
     * For evaluation: makes each convolution one operation with the batch normalization, the
     * addition and the activation that alone follow it.
     *
     * @param graph the graph
     * @return the graph with fused convolutions
     */
    public static Graph fuse(Graph graph) {
        Map<Value, Integer> uses = graph.uses();
        Map<Value, Operation> readers = new HashMap<>();
        graph.operations().forEach(o -> o.operands().forEach(v -> readers.put(v, o)));
        Map<Operation, Operation> fused = new HashMap<>();
        Set<Operation> gone = new HashSet<>();
        for (Operation operation : graph.operations()) {
            if (!(operation instanceof Convolution
                    || operation instanceof MapProduct
                    || operation instanceof TransposedConvolution)) {
                continue;
            }
            Operation last = operation;
            BatchNorm norm = null;
            Value added = null;
            Activation activation = Activation.NONE;
            while (uses.get(last.output()) == 1 && activation == Activation.NONE) {
                Operation next = readers.get(last.output());
                if (next instanceof BatchNorm n && norm == null && added == null) {
                    norm = n;
                } else if (next instanceof Add add && added == null) {
                    Value other =
                            add.branch().equals(last.output()) ? add.shortcut() : add.branch();
                    if (!ready(graph, other, operation, gone, fused)) {
                        break;
                    }
                    added = other;
                } else if (next instanceof Relu) {
                    activation = Activation.RELU;
                } else if (next instanceof Gelu && added == null) {
                    // oneDNN has no GELU after a sum
                    activation = Activation.GELU;
                } else {
                    break;
                }
                gone.add(next);
                last = next;
            }
            fused.put(
                    operation, new Fused(last.output(), operation, norm, added, activation, false));
        }
        List<Operation> result = new ArrayList<>();
        for (Operation operation : graph.operations()) {
            if (!gone.contains(operation)) {
                result.add(fused.getOrDefault(operation, operation));
            }
        }
        return graph.with(result);
    }

    /**
     * Lets ReLUs and sums overwrite their first operand where nothing reads it later, the backward
     * pass included: the gradients of convolutions, batch normalizations, GELUs, sums and poolings
     * do not depend on their outputs.
     *
     * @param graph the graph
     * @return the graph with operations in place
     */
    public static Graph inPlace(Graph graph) {
        Map<Value, Integer> uses = graph.uses();
        Map<Value, Operation> producers = graph.producers();
        List<Operation> result = new ArrayList<>();
        for (Operation operation : graph.operations()) {
            if (operation instanceof Relu r) {
                boolean dead = isDead(r.input(), uses, producers);
                result.add(new Relu(r.output(), r.input(), dead));
            } else if (operation instanceof Add a) {
                boolean dead = isDead(a.branch(), uses, producers);
                result.add(new Add(a.output(), a.branch(), a.shortcut(), a.block(), dead));
            } else if (operation instanceof Fused f && f.added() != null) {
                boolean dead = isDead(f.added(), uses, producers);
                result.add(
                        new Fused(
                                f.output(),
                                f.product(),
                                f.norm(),
                                f.added(),
                                f.activation(),
                                dead));
            } else {
                result.add(operation);
            }
        }
        return graph.with(result);
    }

    private static boolean isDead(
            Value value, Map<Value, Integer> uses, Map<Value, Operation> producers) {
        Operation producer = producers.get(value);
        return uses.get(value) == 1
                && (producer instanceof Convolution
                        || producer instanceof BatchNorm
                        || producer instanceof Gelu
                        || producer instanceof Add
                        || producer instanceof MaxPool
                        || producer instanceof MapProduct
                        || producer instanceof PadChannels
                        || producer instanceof TransposedConvolution
                        || producer instanceof Fused);
    }

    /** Whether a value is computed before an operation, so that the operation can read it. */
    private static boolean ready(
            Graph graph,
            Value value,
            Operation before,
            Set<Operation> gone,
            Map<Operation, Operation> fused) {
        if (graph.inputs().contains(value)) {
            return true;
        }
        for (Operation operation : graph.operations()) {
            if (operation == before) {
                return false;
            }
            Operation computing = fused.getOrDefault(operation, operation);
            if (computing.output().equals(value) && !gone.contains(operation)) {
                return true;
            }
        }
        return false;
    }
}
