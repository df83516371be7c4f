package org.djlresnet.evaluation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import org.djlresnet.UserException;
import org.djlresnet.block.Autoencoder;
import org.djlresnet.data.GaussianNoise;
import org.djlresnet.engine.Precision;
import org.djlresnet.model.Autoencoding;
import org.djlresnet.model.Inference;
import org.djlresnet.model.Network;

/**
 * A variational autoencoder in evaluation mode: encodes images, decodes latent variables, and
 * samples images. To reconstruct images, decode their posterior means.
 *
 * <p>Arrays are on the network's device. Networks that are conditional on the class need labels,
 * the classes as int32, (N); others ignore them. As {@link Inference}, it may hold the weights of
 * its first call.
 */
public final class AutoencoderInference implements AutoCloseable {

    private final Network network;
    private final Autoencoding output;
    private final Inference encoder;
    private final Inference decoder;

    /**
     * Prepares a network.
     *
     * @param network the network, which must stay open and unchanged
     * @throws UserException if it is a classifier
     */
    public AutoencoderInference(Network network) {
        Autoencoder block = network.autoencoder();
        this.network = network;
        output = network.specification().autoencoding();
        encoder = new Inference(network, block.encoder(), Precision.FLOAT32);
        decoder = new Inference(network, block.decoder(), Precision.FLOAT32);
    }

    /**
     * Encodes images by a network that is not conditional.
     *
     * @param images float32, (N, C, H, W), from 0 to 1
     * @return mean and log variance of their latent variables, float32, (N, L) each
     * @throws UserException if the images have another size, or the network is conditional
     */
    public NDList encode(NDArray images) {
        return encode(images, null);
    }

    /**
     * Encodes images.
     *
     * @param images float32, (N, C, H, W), from 0 to 1
     * @param labels the classes, int32, (N)
     * @return mean and log variance of their latent variables, float32, (N, L) each
     * @throws UserException if the images have another size, or the network is conditional, and
     *     there are no labels
     */
    public NDList encode(NDArray images, NDArray labels) {
        return encoder.forward(inputs(images, labels));
    }

    /**
     * Decodes latent variables by a network that is not conditional.
     *
     * @param latents float32, (N, L)
     * @return the means of the pixels, float32, (N, C, H, W), from 0 to 1
     * @throws UserException if the network is conditional
     */
    public NDArray decode(NDArray latents) {
        return decode(latents, null);
    }

    /**
     * Decodes latent variables.
     *
     * @param latents float32, (N, L)
     * @param labels the classes, int32, (N)
     * @return the means of the pixels, float32, (N, C, H, W), from 0 to 1
     * @throws UserException if the network is conditional, and there are no labels
     */
    public NDArray decode(NDArray latents, NDArray labels) {
        try (NDArray logits = logits(latents, labels)) {
            return Activation.sigmoid(logits);
        }
    }

    /**
     * Decodes latent variables to what the sigmoid turns into the means of the pixels.
     *
     * @param latents float32, (N, L)
     * @param labels the classes, int32, (N)
     * @return float32, (N, C, H, W), on the manager of {@code latents}
     */
    public NDArray logits(NDArray latents, NDArray labels) {
        return decoder.forward(inputs(latents, labels)).singletonOrThrow();
    }

    /**
     * Decodes latent variables drawn from the prior, the standard normal distribution. A
     * conditional network makes images of its classes in turn.
     *
     * @param count the number of images
     * @param seed the seed; the first of more images are the same
     * @return the means of the pixels, float32, (count, C, H, W), from 0 to 1; it lives as long as
     *     the network unless it is closed
     */
    public NDArray sample(int count, long seed) {
        float[] noise = new float[count * output.latent()];
        GaussianNoise.fill(noise, seed, 0, 0, count, output.latent());
        int[] labels = new int[count];
        for (int i = 0; i < count && output.conditional(); i++) {
            labels[i] = i % output.classNames().size();
        }
        try (NDManager scope = network.manager().newSubManager()) {
            NDArray latents = scope.create(noise, new Shape(count, output.latent()));
            NDArray images = decode(latents, scope.create(labels));
            images.attach(network.manager());
            return images;
        }
    }

    private NDList inputs(NDArray first, NDArray labels) {
        if (!output.conditional()) {
            return new NDList(first);
        }
        if (labels == null) {
            throw UserException.of(
                    "This %s is conditional on the class. Give labels.", network.model());
        }
        return new NDList(first, labels);
    }

    /** Frees the programs. */
    @Override
    public void close() {
        encoder.close();
        decoder.close();
    }
}
