package org.djlresnet.weights;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.djlresnet.checkpoint.Dtype;
import org.djlresnet.checkpoint.TensorInfo;
import org.djlresnet.model.StateDict;

/**
 * The tensors of a file under the names of a network.
 *
 * @param prefix the prefix that was removed from the file's names, or an empty text
 * @param tensors the tensors by the network's names
 * @param counters the tensors that count batches, by the network's names
 */
record TensorNames(
        String prefix, Map<String, TensorInfo> tensors, Map<String, TensorInfo> counters) {

    /** Modules that hold the last layer in common models. */
    private static final Set<String> HEADS =
            Set.of("fc", "head", "classifier", "last_linear", "linear");

    /** More than any real model has; names in a hostile file may have millions of parts. */
    private static final int MAX_WRAPPERS = 5;

    /** The counter of torch.optim.swa_utils.AveragedModel. */
    private static final String AVERAGED = "n_averaged";

    /**
     * Maps the names of a file. Removes the prefixes of wrappers, such as {@code module.}, {@code
     * _orig_mod.} or {@code backbone.}, that all tensors outside a head share, if that gives names
     * of the network. Renames a head such as {@code classifier} if the network's own is missing and
     * there is just one candidate.
     *
     * @param file the file's tensors by name
     * @param layout the network's names
     */
    static TensorNames of(Map<String, TensorInfo> file, Layout layout) {
        Map<String, TensorInfo> tensors = new LinkedHashMap<>(file);
        tensors.remove(AVERAGED);
        Map<String, TensorInfo> stripped = tensors;
        StringBuilder prefix = new StringBuilder();
        for (int depth = 0; depth < MAX_WRAPPERS; depth++) {
            String next = wrapper(stripped, layout);
            stripped = without(next, stripped);
            prefix.append(next);
        }
        if (Collections.disjoint(stripped.keySet(), layout.names())) {
            prefix.setLength(0);
        } else {
            tensors = stripped;
        }
        Map<String, TensorInfo> counters = new LinkedHashMap<>();
        tensors.forEach(
                (name, tensor) -> {
                    if (name.endsWith("." + StateDict.COUNTER)) {
                        counters.put(name, tensor);
                    }
                });
        tensors.keySet().removeAll(counters.keySet());
        renameHead(tensors, layout);
        return new TensorNames(prefix.toString(), tensors, counters);
    }

    /** Returns whether a name belongs to a last layer, whatever the layer is called. */
    static boolean isHead(String name) {
        return HEADS.contains(name.substring(0, Math.max(0, name.indexOf('.'))));
    }

    /** Returns the first part that all names outside a head share, or an empty text. */
    private static String wrapper(Map<String, TensorInfo> tensors, Layout layout) {
        List<String> body = tensors.keySet().stream().filter(name -> !isHead(name)).toList();
        if (body.isEmpty()) {
            return "";
        }
        String first = body.get(0).substring(0, body.get(0).indexOf('.') + 1);
        boolean wraps =
                body.stream().allMatch(name -> name.startsWith(first))
                        && layout.names().stream().noneMatch(name -> name.startsWith(first))
                        && without(first, tensors).size() == tensors.size();
        return wraps ? first : "";
    }

    private static Map<String, TensorInfo> without(String prefix, Map<String, TensorInfo> tensors) {
        Map<String, TensorInfo> stripped = new LinkedHashMap<>();
        tensors.forEach(
                (name, tensor) ->
                        stripped.put(
                                name.startsWith(prefix) ? name.substring(prefix.length()) : name,
                                tensor));
        return stripped;
    }

    /**
     * Reads the batch counts. Invalid ones are skipped.
     *
     * @param data the elements of a tensor by its own name
     * @return the counts by the network's names
     */
    Map<String, Long> counts(Function<String, ByteBuffer> data) {
        Map<String, Long> counts = new LinkedHashMap<>();
        counters.forEach(
                (name, found) -> {
                    if (found.dtype() == Dtype.I64 && found.shape().length == 0) {
                        ByteBuffer count = data.apply(found.name());
                        counts.put(name, count.order(ByteOrder.LITTLE_ENDIAN).getLong(0));
                    }
                });
        return counts;
    }

    private static void renameHead(Map<String, TensorInfo> tensors, Layout layout) {
        if (layout.head().stream().anyMatch(tensors::containsKey)) {
            return;
        }
        List<String> weights =
                tensors.keySet().stream()
                        .filter(name -> isHead(name) && name.endsWith(".weight"))
                        .filter(name -> tensors.get(name).shape().length == 2)
                        .toList();
        if (weights.size() == 1) {
            String module = weights.get(0).replaceFirst("weight$", "");
            for (String name : layout.head()) {
                TensorInfo found =
                        tensors.remove(module + name.substring(name.lastIndexOf('.') + 1));
                if (found != null) {
                    tensors.put(name, found);
                }
            }
        }
    }
}
