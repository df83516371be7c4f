package org.djlresnet.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import org.djlresnet.UserException;
import org.djlresnet.block.Autoencoder;
import org.djlresnet.block.AutoencoderBlock;
import org.djlresnet.block.AutoencoderBlock.Direction;
import org.djlresnet.block.AutoencoderBlock.Norm;
import org.djlresnet.block.LatentDecoder;
import org.djlresnet.block.LatentEncoder;
import org.djlresnet.block.Layers;
import org.djlresnet.block.LogScale;
import org.djlresnet.block.NamedChain;
import org.djlresnet.block.TransposedConvolution;
import org.djlresnet.image.ImageShape;

/** Builds the variational autoencoders. */
final class AutoencoderNetworks {

    /** The usual number of latent variables of {@link #resNet}. */
    static final int RESNET_LATENT = 256;

    /** The usual number of latent variables of {@link #small}. */
    static final int SMALL_LATENT = 32;

    /** Blocks of the stages by depth. */
    private static final int[][] BLOCKS = {{1, 1, 1, 1}, {1, 2, 2, 1}, {2, 3, 4, 2}, {3, 4, 6, 3}};

    private static final int[] WIDTHS = {64, 128, 256, 512};
    private static final int EXPANSION = 4;
    private static final int DENSE = 1024;

    /** Keras's defaults, with which the published networks were trained. */
    private static final Norm KERAS = new Norm(0.99f, 1e-3f);

    private static final Norm USUAL = new Norm(0.9f, 1e-5f);
    private static final int[] SMALL_WIDTHS = {16, 32, 64};

    private AutoencoderNetworks() {}

    /**
     * Builds the published autoencoder of 28, 40, 70 or 100 layers. Its decoder has the encoder's
     * widths in the same order. Source: B. Keng, "Residual Networks", 2018.
     *
     * @param depth 0 to 3
     * @param output its output
     * @return the network
     */
    static Autoencoder resNet(int depth, Autoencoding output) {
        ImageShape map = reduced(output.image(), 8, "vae-resnet:" + depth);
        NamedChain encoder = new NamedChain();
        stages(encoder, BLOCKS[depth], output.image().channels(), Direction.DOWN);
        encoder.add("conv9", Layers.convolution(DENSE, 1, new Shape(1, 1), true));
        encoder.add("bn9", KERAS.create());
        encoder.append("sigmoid", Layers.sigmoid());
        encoder.append("flatten", Layers.flatten());
        int channels = DENSE / 16;
        NamedChain decoder = new NamedChain();
        decoder.add("fc", Layers.linear(channels * map.height() * map.width()));
        decoder.add("bn", KERAS.create());
        decoder.append("sigmoid", Layers.sigmoid());
        decoder.append("unflatten", Layers.unflatten(channels, map.height(), map.width()));
        stages(decoder, BLOCKS[depth], channels, Direction.UP);
        int last = output.image().channels();
        decoder.add("out", new TransposedConvolution(last, 1, 1, true));
        return assemble(encoder, decoder, output);
    }

    private static void stages(
            NamedChain network, int[] blocks, int inChannels, Direction direction) {
        int in = inChannels;
        for (int stage = 0; stage < blocks.length; stage++) {
            NamedChain layer = new NamedChain();
            int out = EXPANSION * WIDTHS[stage];
            for (int i = 0; i < blocks[stage]; i++) {
                int stride = stage > 0 && i == 0 ? 2 : 1;
                layer.add(
                        Integer.toString(i),
                        "AutoencoderBlock",
                        AutoencoderBlock.bottleneck(
                                in, WIDTHS[stage], out, stride, direction, KERAS));
                in = out;
            }
            network.add("layer" + (stage + 1), layer);
        }
    }

    /**
     * Builds a small autoencoder: two residual blocks each way, between maps of the image's size
     * and a quarter of it.
     *
     * @param output its output
     * @return the network
     */
    static Autoencoder small(Autoencoding output) {
        ImageShape map = reduced(output.image(), 4, "vae-small");
        NamedChain encoder = new NamedChain();
        encoder.add("conv1", Layers.convolution(SMALL_WIDTHS[0], 3, new Shape(1, 1), false));
        encoder.add("bn1", USUAL.create());
        encoder.append("relu", Layers.relu());
        for (int stage = 1; stage < SMALL_WIDTHS.length; stage++) {
            encoder.add(
                    "layer" + stage,
                    AutoencoderBlock.basic(
                            SMALL_WIDTHS[stage - 1],
                            SMALL_WIDTHS[stage],
                            2,
                            Direction.DOWN,
                            USUAL));
        }
        encoder.append("flatten", Layers.flatten());
        NamedChain decoder = new NamedChain();
        int widest = SMALL_WIDTHS[SMALL_WIDTHS.length - 1];
        decoder.add("fc", Layers.linear(widest * map.height() * map.width()));
        decoder.append("relu", Layers.relu());
        decoder.append("unflatten", Layers.unflatten(widest, map.height(), map.width()));
        for (int stage = SMALL_WIDTHS.length - 1; stage > 0; stage--) {
            decoder.add(
                    "layer" + (SMALL_WIDTHS.length - stage),
                    AutoencoderBlock.basic(
                            SMALL_WIDTHS[stage], SMALL_WIDTHS[stage - 1], 2, Direction.UP, USUAL));
        }
        int last = output.image().channels();
        decoder.add("out", Layers.convolution(last, 3, new Shape(1, 1), true));
        return assemble(encoder, decoder, output);
    }

    private static ImageShape reduced(ImageShape image, int factor, String model) {
        if (image.height() % factor != 0 || image.width() % factor != 0) {
            throw UserException.of(
                    "%s needs images whose height and width are multiples of %s. Received: %s×%s."
                            + " Resize them (\"image_size\"), or use another network.",
                    model, factor, image.height(), image.width());
        }
        return new ImageShape(image.channels(), image.height() / factor, image.width() / factor);
    }

    private static Autoencoder assemble(
            NamedChain encoder, NamedChain decoder, Autoencoding output) {
        int classes = output.classNames().size();
        Likelihood likelihood = output.likelihood();
        boolean trained = likelihood != Likelihood.OPTIMAL_GAUSSIAN;
        Autoencoder network =
                new Autoencoder(
                        new LatentEncoder(encoder, classes, output.latent()),
                        new LatentDecoder(decoder, classes),
                        likelihood.hasScale() ? new LogScale(trained) : null,
                        output.exponent());
        network.setInitializer(InitialWeights.GLOROT_UNIFORM, Parameter.Type.WEIGHT);
        return network;
    }
}
