package org.djlresnet.model;

import ai.djl.nn.Block;
import ai.djl.util.Pair;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.block.Chain;
import org.djlresnet.block.NamedModules;
import org.djlresnet.block.ResidualBlock;

/**
 * Divides a network into the parts that it applies in sequence: its layers and residual blocks, by
 * name, for example {@code conv1}, {@code bn1}, {@code layer1.0}.
 *
 * <p>A layer without parameters, such as pooling, belongs to the part before it.
 */
public final class NetworkParts {

    private NetworkParts() {}

    /**
     * Finds the parts.
     *
     * @param network the network
     * @return the blocks of each part, by name; applied in this order, they are the network
     */
    public static Map<String, List<Block>> of(Block network) {
        Map<String, List<Block>> parts = new LinkedHashMap<>();
        if (isSequence(network)) {
            collect((Chain) network, "", true, parts);
        } else {
            parts.put("network", List.of(network));
        }
        return Collections.unmodifiableMap(parts);
    }

    private static boolean isSequence(Block block) {
        return block instanceof Chain
                && block instanceof NamedModules
                && !(block instanceof ResidualBlock);
    }

    private static void collect(
            Chain chain, String prefix, boolean outermost, Map<String, List<Block>> parts) {
        Map<Block, String> names = new LinkedHashMap<>();
        ((NamedModules) chain).modules().forEach((name, block) -> names.put(block, name));
        String name = null;
        for (Pair<String, Block> child : chain.getChildren()) {
            Block block = child.getValue();
            if (names.containsKey(block)) {
                name = prefix + names.get(block);
                if (outermost && isSequence(block)) {
                    collect((Chain) block, name + ".", false, parts);
                    name = null;
                    continue;
                }
            } else if (name == null) {
                name = last(parts, prefix + child.getKey());
            }
            parts.computeIfAbsent(name, any -> new ArrayList<>()).add(block);
        }
    }

    private static String last(Map<String, List<Block>> parts, String otherwise) {
        String last = otherwise;
        for (String name : parts.keySet()) {
            last = name;
        }
        return last;
    }
}
