package org.djlresnet.evaluation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import org.djlresnet.block.Autoencoder;
import org.djlresnet.engine.Precision;
import org.djlresnet.model.Inference;
import org.djlresnet.model.Network;

/** The encoder and the decoder of a network in evaluation mode. */
public final class AutoencoderParts implements ImportanceBound.Parts, AutoCloseable {

    private final Inference encoder;
    private final Inference decoder;
    private final boolean conditional;

    /**
     * Prepares a network.
     *
     * @param network the network, which must stay open and unchanged
     * @throws org.djlresnet.UserException if it is a classifier
     */
    public AutoencoderParts(Network network) {
        Autoencoder block = network.autoencoder();
        encoder = new Inference(network, block.encoder(), Precision.FLOAT32);
        decoder = new Inference(network, block.decoder(), Precision.FLOAT32);
        conditional = network.specification().autoencoding().conditional();
    }

    @Override
    public NDList encode(NDArray images, NDArray labels) {
        return encoder.forward(inputs(images, labels));
    }

    @Override
    public NDArray decode(NDArray latents, NDArray labels) {
        return decoder.forward(inputs(latents, labels)).singletonOrThrow();
    }

    private NDList inputs(NDArray first, NDArray labels) {
        return conditional ? new NDList(first, labels) : new NDList(first);
    }

    /** Frees the programs. */
    @Override
    public void close() {
        encoder.close();
        decoder.close();
    }
}
