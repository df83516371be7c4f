package org.djlresnet.graph;

import java.util.HashMap;
import java.util.Map;

/** Infers the height and width of each map of a graph. */
public final class MapSizes {

    private MapSizes() {}

    /**
     * Infers the sizes.
     *
     * @param graph the graph
     * @param images the height and width of its first input
     * @return the sizes; 1×1 for arrays without a height
     */
    public static Map<Value, Window.Pair> of(Graph graph, Window.Pair images) {
        Map<Value, Window.Pair> sizes = new HashMap<>();
        graph.inputs().forEach(input -> sizes.put(input, Window.Pair.square(1)));
        sizes.put(graph.input(), images);
        for (Operation operation : graph.operations()) {
            sizes.put(operation.output(), size(operation, sizes));
        }
        return sizes;
    }

    private static Window.Pair size(Operation operation, Map<Value, Window.Pair> sizes) {
        Window.Pair in = sizes.get(operation.operands().get(0));
        if (operation instanceof Operation.Convolution c) {
            return c.window().over(in);
        }
        if (operation instanceof Operation.MapProduct p) {
            return p.result();
        }
        if (operation instanceof Operation.Fused f) {
            return size(f.product(), sizes);
        }
        if (operation instanceof Operation.MaxPool m) {
            return m.window().over(in);
        }
        if (operation instanceof Operation.PadMap p) {
            return new Window.Pair(
                    in.height() + p.before().height() + p.after().height(),
                    in.width() + p.before().width() + p.after().width());
        }
        if (operation instanceof Operation.AveragePool a) {
            int stride = a.window().stride().height();
            return new Window.Pair(ceil(in.height(), stride), ceil(in.width(), stride));
        }
        if (operation instanceof Operation.Subsample s) {
            return new Window.Pair(ceil(in.height(), s.step()), ceil(in.width(), s.step()));
        }
        if (operation instanceof Operation.TransposedConvolution t) {
            return new Window.Pair(in.height() * t.stride(), in.width() * t.stride());
        }
        if (operation instanceof Operation.Unflatten u) {
            return u.size();
        }
        if (operation instanceof Operation.GlobalAveragePool
                || operation instanceof Operation.GlobalMaxPool
                || operation instanceof Operation.Flatten
                || operation instanceof Operation.Linear) {
            return Window.Pair.square(1);
        }
        return in;
    }

    private static int ceil(int size, int step) {
        return (size + step - 1) / step;
    }
}
