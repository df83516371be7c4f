package org.djlresnet.model;

import ai.djl.nn.Block;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.IntFunction;
import org.djlresnet.NearestName;
import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;

/**
 * The registry of networks by name.
 *
 * <p>Options follow a name after plus signs, as in {@code resnet50+deep_stem+pooled_shortcut}.
 * Recipes and checkpoints record the name with its options.
 */
public final class Models {

    private static final Map<String, Entry> REGISTRY = Catalogue.entries();
    private static final List<String> NAMES = List.copyOf(REGISTRY.keySet());

    /** timm's ResNet-D names. */
    private static final Map<String, String> ALIASES =
            Map.of(
                    "resnet18d", "resnet18",
                    "resnet34d", "resnet34",
                    "resnet50d", "resnet50",
                    "resnet101d", "resnet101",
                    "resnet152d", "resnet152");

    private Models() {}

    /**
     * Registers the caller's network, such as a DJL block, so that a recipe can name it. To resume
     * a run of it in another process, register it there too.
     *
     * @param name its name, unused so far, without a plus sign
     * @param input the usual shape of its input
     * @param builder creates the block for a number of classes; it takes images (N, C, H, W) and
     *     returns logits (N, classes); a block that has weights, such as that of a loaded {@code
     *     ai.djl.Model}, keeps them
     * @throws UserException if the name is taken or has a plus sign
     */
    public static synchronized void register(
            String name, ImageShape input, IntFunction<Block> builder) {
        if (REGISTRY.containsKey(name) || name.contains("+")) {
            throw new UserException(
                    "A network's name must be unused and contain no '+'. Received: '"
                            + name
                            + "'.");
        }
        REGISTRY.put(
                name,
                new Entry(
                        "registered by this program",
                        input,
                        Classes.numbered(10),
                        Preprocessing.exact(input),
                        1,
                        Map.of(),
                        (output, options) -> builder.apply(output.size())));
    }

    /**
     * Lists the networks of this library, without those that a program registers.
     *
     * @return the names, without options
     */
    public static List<String> names() {
        return NAMES;
    }

    /**
     * Finds a network by its name and options.
     *
     * @param name the name, with options after plus signs
     * @return the network
     * @throws UserException if the name or an option is unknown; the message suggests the nearest
     */
    public static Model get(String name) {
        String[] parts = name.split("\\+", -1);
        if (ALIASES.containsKey(parts[0])) {
            String options = "+deep_stem+pooled_shortcut" + name.substring(parts[0].length());
            return get(ALIASES.get(parts[0]) + options);
        }
        Entry entry = REGISTRY.get(parts[0]);
        if (entry == null) {
            throw new UserException(
                    "Unknown model. Received: '"
                            + UserException.shortened(parts[0])
                            + "'."
                            + NearestName.suggest(parts[0], REGISTRY.keySet()));
        }
        List<String> options = new ArrayList<>();
        for (String option : List.of(parts).subList(1, parts.length)) {
            if (!entry.options().containsKey(option) || options.contains(option)) {
                throw UserException.of(
                        "%s option '%s' of model '%s'.%s",
                        options.contains(option) ? "Repeated" : "Unknown",
                        UserException.shortened(option),
                        UserException.shortened(name),
                        entry.options().isEmpty()
                                ? " " + parts[0] + " has no options."
                                : NearestName.suggest(option, entry.options().keySet()));
            }
            options.add(option);
        }
        return new Model(
                name,
                entry.description(),
                entry.input(),
                entry.output(),
                // with a small stem, the network is for images of another size
                options.contains(Catalogue.SMALL_STEM) ? null : entry.preprocessing(),
                entry.smallest(),
                List.copyOf(entry.options().keySet()),
                output -> entry.factory().build(output, options));
    }

    /**
     * A network that can be built.
     *
     * @param name the name, with its options
     * @param description a one-line description
     * @param input the usual image shape
     * @param output the usual output
     * @param preprocessing the usual preprocessing, or null
     * @param smallest the least height and width of its images
     * @param options the options that can follow its name
     * @param builder builds the network for an output
     */
    public record Model(
            String name,
            String description,
            ImageShape input,
            Output output,
            Preprocessing preprocessing,
            int smallest,
            List<String> options,
            Function<Output, Block> builder) {

        /**
         * Builds the network, without initializing its parameters.
         *
         * @param wanted the output
         * @return the network's block
         * @throws UserException if the network has another kind of output
         */
        public Block build(Output wanted) {
            if (isAutoencoder() != wanted instanceof Autoencoding) {
                throw UserException.of(
                        isAutoencoder()
                                ? "%s is an autoencoder, which has no classes. Omit them, or use a"
                                        + " classifier."
                                : "%s is a classifier, not an autoencoder.",
                        name);
            }
            return builder.apply(wanted);
        }

        /**
         * Returns whether the network is a variational autoencoder.
         *
         * @return whether its output is {@link Autoencoding}
         */
        public boolean isAutoencoder() {
            return output instanceof Autoencoding;
        }

        /**
         * Returns the usual output for some data.
         *
         * @param classNames the names of the data's classes
         * @param image the shape of the network's images
         * @return the classes, or the images of an autoencoder
         */
        public Output outputFor(List<String> classNames, ImageShape image) {
            return output instanceof Autoencoding usual
                    ? Autoencoding.usual(image, usual.latent())
                    : new Classes(classNames);
        }

        /**
         * Builds the network as a classifier, without initializing its parameters.
         *
         * @param classes the number of classes
         * @return the network's block
         */
        public Block build(int classes) {
            return build(Classes.numbered(classes));
        }

        /**
         * Requires images of a size that the network can compute.
         *
         * @param height their height
         * @param width their width
         * @throws UserException if they are too small
         */
        public void requireSize(long height, long width) {
            if (Math.min(height, width) < smallest) {
                throw UserException.of(
                        "The images are too small for %s. Received: %s×%s. Allowed: %s×%s and"
                                + " larger. Resize them, or use another network.",
                        name, height, width, smallest, smallest);
            }
        }

        /**
         * Specifies the network with its usual preprocessing, or with none if that normalizes
         * another number of channels.
         *
         * @param channels the number of input channels
         * @param wanted the output
         * @return the specification
         * @throws UserException if a number is out of range
         */
        public Specification specification(int channels, Output wanted) {
            boolean known =
                    preprocessing != null
                            && channels > 0
                            && (preprocessing.mean() == null
                                    || channels == preprocessing.channels());
            return new Specification(
                    name, channels, wanted, known ? preprocessing.withChannels(channels) : null);
        }
    }
}
