package org.djlresnet.bridge;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.List;
import java.util.Map;
import org.djlresnet.graph.Graph;
import org.djlresnet.graph.Operation;
import org.djlresnet.graph.Value;
import org.djlresnet.graph.Window;

/** A network's {@link Graph} as JSON, for the export to ONNX. */
final class GraphJson {

    private static final Gson GSON = new Gson();

    private GraphJson() {}

    /**
     * Describes a graph.
     *
     * @return {@code {"inputs", "outputs", "nodes": [{"op", "inputs", "output", "attributes"}]}};
     *     the inputs of nodes include tensors
     */
    static String of(Graph graph) {
        JsonArray nodes = new JsonArray();
        for (Operation operation : graph.operations()) {
            JsonObject node = new JsonObject();
            node.addProperty("op", operation.getClass().getSimpleName());
            node.add("inputs", names(operation.operands()));
            node.addProperty("output", operation.output().name());
            node.add("attributes", GSON.toJsonTree(attributes(operation)));
            nodes.add(node);
        }
        JsonObject json = new JsonObject();
        json.add("inputs", names(graph.inputs()));
        json.add("outputs", names(graph.outputs()));
        json.add("nodes", nodes);
        return GSON.toJson(json);
    }

    private static JsonElement names(List<Value> values) {
        return GSON.toJsonTree(values.stream().map(Value::name).toList());
    }

    private static Map<String, Object> attributes(Operation operation) {
        if (operation instanceof Operation.Convolution c) {
            return window(c.window(), c.groups());
        }
        if (operation instanceof Operation.TransposedConvolution t) {
            return Map.of("kernel", t.kernel(), "stride", t.stride());
        }
        if (operation instanceof Operation.Unflatten u) {
            return Map.of("channels", u.channels(), "size", pair(u.size()));
        }
        if (operation instanceof Operation.OneHot h) {
            return Map.of("classes", h.classes());
        }
        if (operation instanceof Operation.MaxPool m) {
            return window(m.window(), 1);
        }
        if (operation instanceof Operation.AveragePool a) {
            return window(a.window(), 1);
        }
        if (operation instanceof Operation.BatchNorm b) {
            return Map.of("epsilon", b.epsilon());
        }
        if (operation instanceof Operation.Subsample s) {
            return Map.of("step", s.step());
        }
        if (operation instanceof Operation.Scale s) {
            return Map.of("factor", s.factor());
        }
        if (operation instanceof Operation.PadChannels p) {
            return Map.of("before", p.before(), "after", p.after());
        }
        return Map.of();
    }

    private static Map<String, Object> window(Window window, int groups) {
        return Map.of(
                "kernel", pair(window.kernel()),
                "stride", pair(window.stride()),
                "padding", pair(window.padding()),
                "groups", groups);
    }

    private static List<Integer> pair(Window.Pair pair) {
        return List.of(pair.height(), pair.width());
    }
}
