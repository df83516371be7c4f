package org.djlresnet.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import org.djlresnet.NearestName;
import org.djlresnet.UserException;

/** The one registry of networks by name. */
public final class Models {

    private static final Map<String, Model> REGISTRY = new LinkedHashMap<>();

    static {
        register(
                "d2l-resnet18",
                "ResNet-18 of Dive into Deep Learning, Java edition, 7.6",
                new Shape(1, 1, 28, 28),
                10,
                D2lResNet18::new);
    }

    private Models() {}

    private static void register(
            String name, String description, Shape input, int classes, IntFunction<Block> builder) {
        REGISTRY.put(name, new Model(name, description, input, classes, builder));
    }

    /**
     * Lists the networks.
     *
     * @return their names
     */
    public static List<String> names() {
        return List.copyOf(REGISTRY.keySet());
    }

    /**
     * Finds a network by its name.
     *
     * @param name the name
     * @return the network's entry
     * @throws UserException if there is none of that name; the message has the nearest
     */
    public static Model get(String name) {
        Model model = REGISTRY.get(name);
        if (model == null) {
            throw new UserException(
                    "Unknown model \"" + name + "\"" + NearestName.suggest(name, names()));
        }
        return model;
    }

    /**
     * A network that can be built.
     *
     * @param name the name
     * @param description one line for a list
     * @param input the shape (N, C, H, W) it is usually given
     * @param classes the usual number of classes
     * @param builder builds the network for a number of classes
     */
    public record Model(
            String name, String description, Shape input, int classes, IntFunction<Block> builder) {

        /**
         * Builds the network, without parameters yet.
         *
         * @param numClasses the number of classes
         * @return the network's block
         */
        public Block build(int numClasses) {
            return builder.apply(numClasses);
        }
    }
}
