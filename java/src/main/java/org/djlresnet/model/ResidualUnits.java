package org.djlresnet.model;

import ai.djl.nn.Block;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.djlresnet.NearestName;
import org.djlresnet.UserException;
import org.djlresnet.block.NamedModules;
import org.djlresnet.block.ResidualUnit;

/** The residual blocks of a network by name, for example {@code layer3.2}. */
public final class ResidualUnits {

    private ResidualUnits() {}

    /**
     * Finds the residual blocks.
     *
     * @param network the network
     * @return the blocks under the prefixes of their tensors' names, in the order of the forward
     *     pass; none for a plain network
     */
    public static Map<String, ResidualUnit> of(Block network) {
        Map<String, ResidualUnit> units = new LinkedHashMap<>();
        collect(network, "", units);
        return Collections.unmodifiableMap(units);
    }

    private static void collect(Block block, String name, Map<String, ResidualUnit> units) {
        if (block instanceof ResidualUnit unit) {
            units.put(name, unit);
        } else if (block instanceof NamedModules named) {
            String prefix = name.isEmpty() ? "" : name + ".";
            named.modules().forEach((part, child) -> collect(child, prefix + part, units));
        }
    }

    /**
     * Leaves out the residual branches of the named blocks, and of no others.
     *
     * @param model the network's name, for messages
     * @param network the network
     * @param names the blocks that keep their shortcuts only
     * @throws UserException if the network has no residual blocks, or none of such a name
     */
    public static void bypass(String model, Block network, Collection<String> names) {
        Map<String, ResidualUnit> units = of(network);
        for (String name : names) {
            if (units.isEmpty()) {
                throw new UserException(
                        "A "
                                + model
                                + " has no shortcuts: without a block nothing would reach the next."
                                + " Received: bypass="
                                + name);
            }
            if (!units.containsKey(name)) {
                throw new UserException(
                        "A "
                                + model
                                + " has no residual block \""
                                + name
                                + "\""
                                + NearestName.suggest(name, units.keySet()));
            }
        }
        units.forEach((name, unit) -> unit.gate().bypass(names.contains(name)));
    }
}
