package org.djlresnet.model;

import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.util.Pair;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.djlresnet.block.NamedModules;

/** The parameters of a network under the names that torchvision gives them. */
public final class StateDict {

    private StateDict() {}

    /**
     * Names the parameters of a block, for example {@code layer2.0.downsample.0.weight} or {@code
     * bn1.running_mean}.
     *
     * @param block a network or a part of one
     * @return all its parameters, running statistics included, in the order of the forward pass
     */
    public static Map<String, Parameter> of(Block block) {
        Map<String, Parameter> named = new LinkedHashMap<>();
        collect(block, "", named);
        return Collections.unmodifiableMap(named);
    }

    private static void collect(Block block, String prefix, Map<String, Parameter> named) {
        if (block instanceof NamedModules) {
            ((NamedModules) block)
                    .modules()
                    .forEach((name, part) -> collect(part, prefix + name + ".", named));
            return;
        }
        for (Pair<String, Parameter> direct : block.getDirectParameters()) {
            named.put(prefix + tensorName(direct.getValue()), direct.getValue());
        }
        for (Pair<String, Block> child : block.getChildren()) {
            collect(child.getValue(), prefix + child.getKey() + ".", named);
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
