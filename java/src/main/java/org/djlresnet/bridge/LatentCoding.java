package org.djlresnet.bridge;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.djlresnet.UserException;
import org.djlresnet.evaluation.AutoencoderInference;
import org.djlresnet.evaluation.Evaluator;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessor;
import org.djlresnet.image.RawImage;
import org.djlresnet.model.Autoencoding;
import org.djlresnet.model.Network;
import org.djlresnet.model.TensorBytes;

/** Codes of images and images of codes, between direct buffers in native order. */
final class LatentCoding implements AutoCloseable {

    private final Network network;
    private final Autoencoding output;
    private final AutoencoderInference inference;

    /**
     * Prepares an autoencoder.
     *
     * @throws UserException if the network is a classifier
     */
    LatentCoding(Network network) {
        this.network = network;
        inference = new AutoencoderInference(network);
        output = network.specification().autoencoding();
    }

    /** See {@link NetworkHandle#encode}. */
    void encode(
            ByteBuffer images,
            PixelType type,
            ImageShape shape,
            int count,
            int[] labels,
            ByteBuffer means,
            ByteBuffer logVariances) {
        Evaluator.disableGradients(network);
        try (NDManager manager = network.manager().newSubManager()) {
            NDArray batch =
                    type == PixelType.UINT8
                            ? prepared(images, shape, count, manager)
                            : manager.create(
                                    images.slice().order(ByteOrder.nativeOrder()),
                                    new Shape(shape.batch(count)),
                                    DataType.FLOAT32);
            NDList encoded = inference.encode(batch, labels(labels, count, manager));
            means.put(TensorBytes.of(encoded.get(0), manager));
            logVariances.put(TensorBytes.of(encoded.get(1), manager));
        }
    }

    private NDArray prepared(ByteBuffer images, ImageShape shape, int count, NDManager manager) {
        Preprocessor preprocessor =
                new Preprocessor(network.specification().requirePreprocessing());
        int size = output.size();
        ImageShape out = preprocessor.output(shape);
        network.requireSize(out.height(), out.width());
        float[] values = new float[count * size];
        RawImage raw = new RawImage();
        ByteBuffer pixels = images.slice();
        for (int i = 0; i < count; i++) {
            pixels.get(raw.holdBytes(shape), 0, (int) shape.values());
            preprocessor.apply(raw, values, i * size);
        }
        return manager.create(values, new Shape(output.image().batch(count)));
    }

    /** See {@link NetworkHandle#decode}. */
    void decode(ByteBuffer latents, int count, int[] labels, ByteBuffer images) {
        Evaluator.disableGradients(network);
        try (NDManager manager = network.manager().newSubManager()) {
            NDArray points =
                    manager.create(
                            latents.slice().order(ByteOrder.nativeOrder()),
                            new Shape(count, output.latent()),
                            DataType.FLOAT32);
            NDArray decoded = inference.decode(points, labels(labels, count, manager));
            images.put(TensorBytes.of(decoded, manager));
        }
    }

    private NDArray labels(int[] labels, int count, NDManager manager) {
        if (!output.conditional()) {
            return null;
        }
        if (labels == null || labels.length != count) {
            throw UserException.of(
                    "This network is conditional on the class. Received: %s labels. Allowed: %s.",
                    labels == null ? 0 : labels.length, count);
        }
        return manager.create(labels);
    }

    @Override
    public void close() {
        inference.close();
    }
}
