package org.djlresnet.model;

import ai.djl.nn.Block;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.djlresnet.block.Shortcut;
import org.djlresnet.block.StridePlacement;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;

/** The networks of this library, with their options. */
final class Catalogue {

    static final String SMALL_STEM = "small_stem";
    private static final ImageShape GREY = new ImageShape(1, 28, 28);
    private static final ImageShape SMALL = new ImageShape(3, 32, 32);
    private static final ImageShape PHOTOGRAPH = new ImageShape(3, 224, 224);
    private static final Output TEN = Classes.numbered(10);
    private static final Output IMAGENET = Classes.numbered(1000);
    private static final Map<String, Entry> ENTRIES = new LinkedHashMap<>();

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

        ENTRIES.put(
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
        cifar();
        fast();
        autoencoders();
    }

    private Catalogue() {}

    /**
     * Returns all networks.
     *
     * @return the networks by name, in the order in which they are listed; the caller may add some
     */
    static Map<String, Entry> entries() {
        return new LinkedHashMap<>(ENTRIES);
    }

    private static void photographs() {
        for (int depth : new int[] {18, 34, 50, 101, 152}) {
            photograph(
                    "resnet" + depth,
                    "ResNet-" + depth + " as in torchvision",
                    () -> ResNet.builder().setDepth(depth),
                    depth < 50 ? RESNET_OPTIONS : BOTTLENECK_OPTIONS);
        }
        photograph(
                "wide_resnet50_2",
                "ResNet-50 with bottlenecks twice as wide, as in torchvision",
                () -> ResNet.builder().setDepth(50).optGroups(1, 128),
                BOTTLENECK_OPTIONS);
        photograph(
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
            photograph(
                    "preact-resnet" + depth,
                    "ResNet-" + depth + " with full pre-activation",
                    () -> PreactResNet.builder().setDepth(depth),
                    depth < 50 ? Map.of() : bottleneck);
        }
        for (int depth : new int[] {110, 164, 1001}) {
            BlockKind kind = depth == 110 ? BlockKind.BASIC : BlockKind.BOTTLENECK;
            small(
                    "preact-resnet" + depth,
                    "ResNet-" + depth + " with full pre-activation for 32×32 images",
                    () -> PreactResNet.builder().setCifarDepth(depth, kind),
                    depth == 110 ? Map.of() : bottleneck);
        }
    }

    private static void cifar() {
        for (int depth : new int[] {20, 32, 44, 56, 110}) {
            small(
                    "cifar-resnet" + depth,
                    "ResNet-" + depth + " for 32×32 images, shortcut option A",
                    () -> CifarResNet.builder().setDepth(depth),
                    CIFAR_OPTIONS);
        }
        for (int depth : new int[] {20, 32, 44, 56}) {
            small(
                    "plain" + depth,
                    "cifar-resnet" + depth + " without shortcuts",
                    () -> CifarResNet.builder().setDepth(depth).optPlain(true),
                    Map.of());
        }
        for (int depth : new int[] {20, 56}) {
            small(
                    "study-resnet" + depth,
                    "ResNet-" + depth + " whose stages end with downsampling",
                    () -> StudyResNet.builder().setDepth(depth),
                    Map.of());
        }
        for (int depth : new int[] {20, 56}) {
            small(
                    "study-plain" + depth,
                    "study-resnet" + depth + " without shortcuts",
                    () -> StudyResNet.builder().setDepth(depth).optPlain(true),
                    Map.of());
        }
    }

    private static void fast() {
        ENTRIES.put(
                "fashion-net",
                Entry.of(
                        "narrow residual network for Fashion-MNIST",
                        GREY,
                        TEN,
                        Preprocessing.exact(GREY),
                        FashionNet::builder,
                        FASHION_OPTIONS));
        small(
                "airbench94",
                "network of airbench94, with a whitening convolution",
                Airbench::builder,
                AIRBENCH_OPTIONS);
    }

    private static void autoencoders() {
        for (int depth = 0; depth < 4; depth++) {
            int chosen = depth;
            int layers = new int[] {28, 40, 70, 100}[depth];
            autoencoder(
                    "vae-resnet:" + depth,
                    "variational autoencoder of " + layers + " layers",
                    SMALL,
                    AutoencoderNetworks.RESNET_LATENT,
                    output -> AutoencoderNetworks.resNet(chosen, output));
        }
        autoencoder(
                "vae-small",
                "small variational autoencoder",
                GREY,
                AutoencoderNetworks.SMALL_LATENT,
                AutoencoderNetworks::small);
    }

    private static void autoencoder(
            String name,
            String description,
            ImageShape image,
            int latent,
            Function<Autoencoding, Block> builder) {
        ENTRIES.put(
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

    private static <B extends NetworkBuilder<B>> void photograph(
            String name,
            String description,
            Supplier<B> builder,
            Map<String, Consumer<B>> options) {
        Preprocessing preprocessing = Preprocessing.torchvision();
        ENTRIES.put(
                name, Entry.of(description, PHOTOGRAPH, IMAGENET, preprocessing, builder, options));
    }

    private static <B extends NetworkBuilder<B>> void small(
            String name,
            String description,
            Supplier<B> builder,
            Map<String, Consumer<B>> options) {
        Preprocessing preprocessing = Preprocessing.exact(SMALL);
        ENTRIES.put(name, Entry.of(description, SMALL, TEN, preprocessing, builder, options));
    }
}
