package org.djlresnet.model;

import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.util.Pair;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiConsumer;
import org.djlresnet.block.BatchNorm;
import org.djlresnet.block.NamedModules;

/** Names the parameters of a network as torchvision does. */
public final class StateDict {

    /** The last part of PyTorch's name for the number of batches in a running statistic. */
    public static final String COUNTER = "num_batches_tracked";

    private StateDict() {}

    /**
     * Names the parameters of a block, for example {@code layer2.0.downsample.0.weight} or {@code
     * bn1.running_mean}.
     *
     * @param block a network or a part of it
     * @return all parameters by name, running statistics included, in the order of the forward pass
     */
    public static Map<String, Parameter> of(Block block) {
        Map<String, Parameter> named = new LinkedHashMap<>();
        visit(
                block,
                "",
                (prefix, part) -> {
                    for (Pair<String, Parameter> direct : part.getDirectParameters()) {
                        named.put(prefix + tensorName(direct.getValue()), direct.getValue());
                    }
                });
        return Collections.unmodifiableMap(named);
    }

    /**
     * Names the batch normalizations of a block by their batch counters, for example {@code
     * bn1.num_batches_tracked}.
     *
     * @param block a network or a part of it
     * @return all batch normalizations by name, in the order of the forward pass
     */
    public static Map<String, BatchNorm> counters(Block block) {
        Map<String, BatchNorm> named = new LinkedHashMap<>();
        visit(
                block,
                "",
                (prefix, part) -> {
                    if (part instanceof BatchNorm batchNorm) {
                        named.put(prefix + COUNTER, batchNorm);
                    }
                });
        return Collections.unmodifiableMap(named);
    }

    private static void visit(Block block, String prefix, BiConsumer<String, Block> visitor) {
        if (block instanceof NamedModules named) {
            named.modules().forEach((name, part) -> visit(part, prefix + name + ".", visitor));
            return;
        }
        visitor.accept(prefix, block);
        for (Pair<String, Block> child : block.getChildren()) {
            visit(child.getValue(), prefix + child.getKey() + ".", visitor);
        }
    }

    private static String tensorName(Parameter parameter) {
        switch (parameter.getType()) {
            case GAMMA:
                return "weight";
            case BETA:
                return "bias";
            case RUNNING_MEAN:
                return "running_mean";
            case RUNNING_VAR:
                return "running_var";
            default:
                return parameter.getName();
        }
    }
}
