package org.djlresnet.model;

import ai.djl.nn.Block;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.djlresnet.NearestName;
import org.djlresnet.UserException;
import org.djlresnet.block.NamedModules;
import org.djlresnet.block.ResidualBlock;

/** Finds the residual blocks of a network by name, for example {@code layer3.2}. */
public final class ResidualBlocks {

    private ResidualBlocks() {}

    /**
     * Finds the residual blocks.
     *
     * @param network the network
     * @return the blocks by the prefixes of their tensor names, in the order of the forward pass;
     *     empty for a plain network
     */
    public static Map<String, ResidualBlock> of(Block network) {
        Map<String, ResidualBlock> blocks = new LinkedHashMap<>();
        collect(network, "", blocks);
        return Collections.unmodifiableMap(blocks);
    }

    private static void collect(Block block, String name, Map<String, ResidualBlock> blocks) {
        if (block instanceof ResidualBlock residual) {
            blocks.put(name, residual);
        } else if (block instanceof NamedModules named) {
            String prefix = name.isEmpty() ? "" : name + ".";
            named.modules().forEach((part, child) -> collect(child, prefix + part, blocks));
        }
    }

    /**
     * Bypasses the residual branches of the named blocks, and of no others.
     *
     * @param model the network's name, for messages
     * @param network the network
     * @param names the blocks to reduce to their shortcuts
     * @throws UserException if the network has no residual block of a name
     */
    public static void bypass(String model, Block network, Collection<String> names) {
        Map<String, ResidualBlock> blocks = of(network);
        for (String name : names) {
            if (blocks.isEmpty()) {
                throw new UserException(
                        model
                                + " has no shortcuts, so no block can be bypassed. Received: '"
                                + name
                                + "'.");
            }
            if (!blocks.containsKey(name)) {
                throw new UserException(
                        model
                                + " has no residual block '"
                                + name
                                + "'."
                                + NearestName.suggest(name, blocks.keySet()));
            }
        }
        blocks.forEach((name, block) -> block.gate().bypass(names.contains(name)));
    }
}
