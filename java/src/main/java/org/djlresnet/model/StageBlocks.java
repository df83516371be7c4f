package org.djlresnet.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.djlresnet.NearestName;
import org.djlresnet.UserException;
import org.djlresnet.block.Chain;
import org.djlresnet.block.NamedModules;
import org.djlresnet.block.StageBlock;

/**
 * Leaves blocks of a network's stages out, or computes them in another order.
 *
 * <p>Source: Veit et al., "Residual Networks Behave Like Ensembles of Relatively Shallow Networks",
 * 2016, sections 4.1 to 4.3.
 */
public final class StageBlocks {

    /**
     * A block and its place.
     *
     * @param name the prefix of its tensor names, for example {@code layer3.2}
     * @param block the block
     * @param stage the chain that computes it
     * @param group the number of its group; blocks of a group follow each other and have equal
     *     shapes, so that they can change places
     */
    public record Place(String name, StageBlock block, Chain stage, int group) {}

    private StageBlocks() {}

    /**
     * Finds the blocks.
     *
     * @param network the network, initialized
     * @return the blocks in their own order; empty if its stages have no such blocks
     */
    public static List<Place> of(Block network) {
        List<Place> places = new ArrayList<>();
        collect(network, "", places);
        return places;
    }

    private static void collect(Block block, String name, List<Place> places) {
        if (!(block instanceof NamedModules named)) {
            return;
        }
        String prefix = name.isEmpty() ? "" : name + ".";
        named.modules()
                .forEach(
                        (part, child) -> {
                            if (!(child instanceof StageBlock stageBlock)) {
                                collect(child, prefix + part, places);
                            } else if (block instanceof Chain chain
                                    && chain.getChildren().values().contains(child)) {
                                places.add(place(prefix + part, stageBlock, chain, places));
                            }
                        });
    }

    private static Place place(String name, StageBlock block, Chain stage, List<Place> before) {
        if (before.isEmpty()) {
            return new Place(name, block, stage, 0);
        }
        Place last = before.get(before.size() - 1);
        List<Block> children = stage.getChildren().values();
        boolean continues =
                last.stage == stage
                        && last.block.keepsShape()
                        && block.keepsShape()
                        && children.indexOf(block) == children.indexOf(last.block) + 1
                        && shapes(block).equals(shapes(last.block));
        return new Place(name, block, stage, continues ? last.group : last.group + 1);
    }

    private static Map<String, Shape> shapes(Block block) {
        Map<String, Shape> shapes = new LinkedHashMap<>();
        for (var parameter : block.getParameters()) {
            Parameter value = parameter.getValue();
            shapes.put(parameter.getKey(), value.getShape());
        }
        return shapes;
    }

    /**
     * Computes the named blocks only, in the given order.
     *
     * @param model the network's name, for messages
     * @param network the network, initialized
     * @param names the names of the blocks in the order of the forward pass; all of them in their
     *     own order for the complete network
     * @throws UserException if a name is unknown or occurs twice, a block that changes the shape is
     *     missing, or blocks of different groups change places
     */
    public static void arrange(String model, Block network, List<String> names) {
        List<Place> places = of(network);
        Map<String, Place> byName = new LinkedHashMap<>();
        places.forEach(place -> byName.put(place.name, place));
        requireKnown(model, names, byName.keySet());
        for (Place place : places) {
            if (!place.block.keepsShape() && !names.contains(place.name)) {
                throw new UserException(
                        "A block that changes the shape cannot be left out. Received: "
                                + names
                                + " without '"
                                + place.name
                                + "'. Add it.");
            }
        }
        for (int i = 1; i < names.size(); i++) {
            if (byName.get(names.get(i)).group < byName.get(names.get(i - 1)).group) {
                throw UserException.of(
                        "Only equal blocks that follow each other can change places."
                                + " Received: '%s' before '%s'. Exchange them.",
                        names.get(i - 1), names.get(i));
            }
        }
        Set<Chain> stages = new HashSet<>();
        for (Place place : places) {
            if (stages.add(place.stage)) {
                place.stage.arrange(arranged(place.stage, names, byName));
            }
        }
    }

    private static void requireKnown(String model, List<String> names, Set<String> known) {
        Set<String> seen = new HashSet<>();
        for (String name : names) {
            if (!known.contains(name)) {
                throw new UserException(
                        model
                                + " has no block '"
                                + name
                                + "' that can be left out or moved."
                                + NearestName.suggest(name, known));
            }
            if (!seen.add(name)) {
                throw new UserException(
                        "Blocks must not repeat. Received: '" + name + "' twice. Remove one.");
            }
        }
    }

    /** The children of a stage, with each group replaced by its named blocks in their order. */
    private static List<Block> arranged(
            Chain stage, List<String> names, Map<String, Place> byName) {
        Map<Block, Integer> groups = new LinkedHashMap<>();
        byName.values().forEach(place -> groups.put(place.block, place.group));
        List<Block> blocks = new ArrayList<>();
        Integer last = null;
        for (Block child : stage.getChildren().values()) {
            Integer group = groups.get(child);
            if (group == null) {
                blocks.add(child);
            } else if (!group.equals(last)) {
                names.stream()
                        .map(byName::get)
                        .filter(place -> group.equals(place.group))
                        .forEach(place -> blocks.add(place.block));
            }
            last = group;
        }
        return blocks;
    }
}
