package org.djlresnet.model;

import ai.djl.nn.Block;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import org.djlresnet.NearestName;
import org.djlresnet.UserException;
import org.djlresnet.block.Shortcut;
import org.djlresnet.block.StridePlacement;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;

/**
 * The registry of networks by name.
 *
 * <p>Options follow a name after plus signs, as in {@code resnet50+deep_stem+pooled_shortcut}.
 * Recipes and checkpoints record the name with its options.
 */
public final class Models {

    private static final int LONGEST_SHOWN = 100;
    private static final String SMALL_STEM = "small_stem";
    private static final ImageShape GREY = new ImageShape(1, 28, 28);
    private static final ImageShape SMALL = new ImageShape(3, 32, 32);
    private static final ImageShape PHOTOGRAPH = new ImageShape(3, 224, 224);
    private static final Output TEN = Classes.numbered(10);
    private static final Output IMAGENET = Classes.numbered(1000);
    private static final Map<String, Entry> REGISTRY = new LinkedHashMap<>();

    private static final Map<String, Consumer<ResNet.Builder>> RESNET_OPTIONS =
            new LinkedHashMap<>();
    private static final Map<String, Consumer<ResNet.Builder>> BOTTLENECK_OPTIONS;
    private static final Map<String, Consumer<CifarResNet.Builder>> CIFAR_OPTIONS =
            new LinkedHashMap<>();
    private static final Map<String, Consumer<FashionNet.Builder>> FASHION_OPTIONS =
            new LinkedHashMap<>();
    private static final Map<String, Consumer<Airbench.Builder>> AIRBENCH_OPTIONS =
            new LinkedHashMap<>();

    /** Options that multiply the numbers of channels. */
    private static final Map<String, Double> WIDTHS =
            new TreeMap<>(Map.of("half_width", 0.5, "width_1.5", 1.5, "width_2", 2.0));

    private static final List<String> NAMES;

    /** timm's ResNet-D names. */
    private static final Map<String, String> ALIASES =
            Map.of(
                    "resnet18d", "resnet18",
                    "resnet34d", "resnet34",
                    "resnet50d", "resnet50",
                    "resnet101d", "resnet101",
                    "resnet152d", "resnet152");

    static {
        RESNET_OPTIONS.put("zero_init_last_gamma", builder -> builder.optZeroInitLastGamma(true));
        RESNET_OPTIONS.put("deep_stem", builder -> builder.optStem(Stem.DEEP));
        RESNET_OPTIONS.put(SMALL_STEM, builder -> builder.optStem(Stem.SMALL));
        RESNET_OPTIONS.put(
                "pooled_shortcut", builder -> builder.optShortcut(Shortcut.POOLED_PROJECTION));
        BOTTLENECK_OPTIONS = new LinkedHashMap<>(RESNET_OPTIONS);
        BOTTLENECK_OPTIONS.put(
                "stride_in_1x1", builder -> builder.optStridePlacement(StridePlacement.FIRST));
        CIFAR_OPTIONS.put("option_b", builder -> builder.optShortcut(Shortcut.PROJECTION));
        CIFAR_OPTIONS.put("zero_init_last_gamma", builder -> builder.optZeroInitLastGamma(true));
        WIDTHS.forEach(
                (name, factor) -> {
                    FASHION_OPTIONS.put(name, builder -> builder.scaleWidths(factor));
                    AIRBENCH_OPTIONS.put(name, builder -> builder.scaleWidths(factor));
                });

        REGISTRY.put(
                "d2l-resnet18",
                new Entry(
                        "ResNet-18 of Dive into Deep Learning, Java edition, 7.6",
                        GREY,
                        TEN,
                        Preprocessing.exact(GREY),
                        1,
                        Map.of(),
                        (output, options) -> new D2lResNet18(output.size())));
        photographs();
        preact();
        small();
        fast();
        autoencoders();
        NAMES = List.copyOf(REGISTRY.keySet());
    }

    private Models() {}

    private static void photographs() {
        for (int depth : new int[] {18, 34, 50, 101, 152}) {
            register(
                    "resnet" + depth,
                    "ResNet-" + depth + " as in torchvision",
                    () -> ResNet.builder().setDepth(depth),
                    depth < 50 ? RESNET_OPTIONS : BOTTLENECK_OPTIONS);
        }
        register(
                "wide_resnet50_2",
                "ResNet-50 with bottlenecks twice as wide, as in torchvision",
                () -> ResNet.builder().setDepth(50).optGroups(1, 128),
                BOTTLENECK_OPTIONS);
        register(
                "resnext50_32x4d",
                "ResNeXt-50 with 32 groups of 4 channels, as in torchvision",
                () -> ResNet.builder().setDepth(50).optGroups(32, 4),
                BOTTLENECK_OPTIONS);
    }

    private static void preact() {
        Map<String, Consumer<PreactResNet.Builder>> bottleneck =
                Map.of(
                        "stride_in_1x1",
                        builder -> builder.optStridePlacement(StridePlacement.FIRST));
        for (int depth : new int[] {18, 34, 50, 101, 152}) {
            register(
                    "preact-resnet" + depth,
                    "ResNet-" + depth + " with full pre-activation",
                    () -> PreactResNet.builder().setDepth(depth),
                    depth < 50 ? Map.of() : bottleneck);
        }
        for (int depth : new int[] {110, 164, 1001}) {
            BlockKind kind = depth == 110 ? BlockKind.BASIC : BlockKind.BOTTLENECK;
            registerSmall(
                    "preact-resnet" + depth,
                    "ResNet-" + depth + " with full pre-activation for 32×32 images",
                    () -> PreactResNet.builder().setCifarDepth(depth, kind),
                    depth == 110 ? Map.of() : bottleneck);
        }
    }

    private static void small() {
        for (int depth : new int[] {20, 32, 44, 56, 110}) {
            registerSmall(
                    "cifar-resnet" + depth,
                    "ResNet-" + depth + " for 32×32 images, shortcut option A",
                    () -> CifarResNet.builder().setDepth(depth),
                    CIFAR_OPTIONS);
        }
        for (int depth : new int[] {20, 32, 44, 56}) {
            registerSmall(
                    "plain" + depth,
                    "cifar-resnet" + depth + " without shortcuts",
                    () -> CifarResNet.builder().setDepth(depth).optPlain(true),
                    Map.of());
        }
        for (int depth : new int[] {20, 56}) {
            registerSmall(
                    "study-resnet" + depth,
                    "ResNet-" + depth + " whose stages end with downsampling",
                    () -> StudyResNet.builder().setDepth(depth),
                    Map.of());
        }
        for (int depth : new int[] {20, 56}) {
            registerSmall(
                    "study-plain" + depth,
                    "study-resnet" + depth + " without shortcuts",
                    () -> StudyResNet.builder().setDepth(depth).optPlain(true),
                    Map.of());
        }
    }

    private static void fast() {
        REGISTRY.put(
                "fashion-net",
                Entry.of(
                        "narrow residual network for Fashion-MNIST",
                        GREY,
                        TEN,
                        Preprocessing.exact(GREY),
                        FashionNet::builder,
                        FASHION_OPTIONS));
        registerSmall(
                "airbench94",
                "network of airbench94, with a whitening convolution",
                Airbench::builder,
                AIRBENCH_OPTIONS);
    }

    private static void autoencoders() {
        for (int depth = 0; depth < 4; depth++) {
            int chosen = depth;
            int layers = new int[] {28, 40, 70, 100}[depth];
            registerAutoencoder(
                    "vae-resnet:" + depth,
                    "variational autoencoder of " + layers + " layers",
                    SMALL,
                    AutoencoderNetworks.RESNET_LATENT,
                    output -> AutoencoderNetworks.resNet(chosen, output));
        }
        registerAutoencoder(
                "vae-small",
                "small variational autoencoder",
                GREY,
                AutoencoderNetworks.SMALL_LATENT,
                AutoencoderNetworks::small);
    }

    private static void registerAutoencoder(
            String name,
            String description,
            ImageShape image,
            int latent,
            Function<Autoencoding, Block> builder) {
        REGISTRY.put(
                name,
                new Entry(
                        description,
                        image,
                        Autoencoding.usual(image, latent),
                        Preprocessing.exact(image),
                        1,
                        Map.of(),
                        (output, options) -> builder.apply((Autoencoding) output)));
    }

    private static <B extends NetworkBuilder<B>> void register(
            String name,
            String description,
            Supplier<B> builder,
            Map<String, Consumer<B>> options) {
        Preprocessing preprocessing = Preprocessing.torchvision();
        REGISTRY.put(
                name, Entry.of(description, PHOTOGRAPH, IMAGENET, preprocessing, builder, options));
    }

    private static <B extends NetworkBuilder<B>> void registerSmall(
            String name,
            String description,
            Supplier<B> builder,
            Map<String, Consumer<B>> options) {
        Preprocessing preprocessing = Preprocessing.exact(SMALL);
        REGISTRY.put(name, Entry.of(description, SMALL, TEN, preprocessing, builder, options));
    }

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
                        TEN,
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
                            + shown(parts[0])
                            + "'."
                            + NearestName.suggest(parts[0], REGISTRY.keySet()));
        }
        List<String> options = new ArrayList<>();
        for (String option : List.of(parts).subList(1, parts.length)) {
            if (!entry.options.containsKey(option) || options.contains(option)) {
                throw new UserException(
                        String.format(
                                Locale.ROOT,
                                "%s option '%s' of model '%s'.%s",
                                options.contains(option) ? "Repeated" : "Unknown",
                                shown(option),
                                shown(name),
                                entry.options.isEmpty()
                                        ? " " + parts[0] + " has no options."
                                        : NearestName.suggest(option, entry.options.keySet())));
            }
            options.add(option);
        }
        return new Model(
                name,
                entry.description,
                entry.input,
                entry.output,
                // with a small stem, the network is for images of another size
                options.contains(SMALL_STEM) ? null : entry.preprocessing,
                entry.smallest,
                List.copyOf(entry.options.keySet()),
                output -> entry.factory.build(output, options));
    }

    private static String shown(String name) {
        return name.length() <= LONGEST_SHOWN ? name : name.substring(0, LONGEST_SHOWN) + "…";
    }

    private interface Factory {
        Block build(Output output, List<String> options);
    }

    private record Entry(
            String description,
            ImageShape input,
            Output output,
            Preprocessing preprocessing,
            int smallest,
            Map<String, ?> options,
            Factory factory) {

        static <B extends NetworkBuilder<B>> Entry of(
                String description,
                ImageShape input,
                Output output,
                Preprocessing preprocessing,
                Supplier<B> builder,
                Map<String, Consumer<B>> options) {
            return new Entry(
                    description,
                    input,
                    output,
                    preprocessing,
                    builder.get().smallest(),
                    options,
                    (wanted, chosen) -> {
                        B network = builder.get().setClasses(wanted.size());
                        chosen.forEach(option -> options.get(option).accept(network));
                        return network.build();
                    });
        }
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
