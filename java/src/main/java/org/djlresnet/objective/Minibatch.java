package org.djlresnet.objective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.util.List;
import org.djlresnet.data.Batch;
import org.djlresnet.graph.DescribedNetwork;
import org.djlresnet.graph.Value;

/**
 * A batch on the network's device.
 *
 * @param images float32, (N, C, H, W)
 * @param labels the classes, int32, (N)
 * @param secondLabels the classes that are mixed into the images, int32, (N); null without mixing
 * @param share the share of {@code labels} in each image, a float32 scalar; null without mixing
 * @param noise standard normal noise of the latent variables, float32, (N, L); null for classifiers
 * @param klWeight the weight of the KL divergence, a float32 scalar; null for classifiers
 */
public record Minibatch(
        NDArray images,
        NDArray labels,
        NDArray secondLabels,
        NDArray share,
        NDArray noise,
        NDArray klWeight) {

    /**
     * Creates a batch for a classifier.
     *
     * @param images float32, (N, C, H, W)
     * @param labels the classes, int32, (N)
     * @param secondLabels the classes that are mixed into the images, int32, (N)
     * @param share the share of {@code labels} in each image, a float32 scalar
     */
    public Minibatch(NDArray images, NDArray labels, NDArray secondLabels, NDArray share) {
        this(images, labels, secondLabels, share, null, null);
    }

    /**
     * Creates a batch without mixing.
     *
     * @param images float32, (N, C, H, W)
     * @param labels the classes, int32, (N)
     */
    public Minibatch(NDArray images, NDArray labels) {
        this(images, labels, null, null);
    }

    /**
     * Wraps a batch, without a copy on a CPU.
     *
     * @param batch the batch, which must stay open while the arrays are used
     * @param manager the arrays' manager
     * @return the arrays
     */
    public static Minibatch of(Batch batch, NDManager manager) {
        NDArray images = manager.create(batch.images(), new Shape(batch.shape()), DataType.FLOAT32);
        NDArray labels = labels(batch.labels(), batch, manager);
        if (batch.secondLabels() == null) {
            return new Minibatch(images, labels);
        }
        return new Minibatch(
                images,
                labels,
                labels(batch.secondLabels(), batch, manager),
                manager.create(batch.share()));
    }

    private static NDArray labels(ByteBuffer labels, Batch batch, NDManager manager) {
        return manager.create(labels, new Shape(batch.count()), DataType.INT32);
    }

    /**
     * Returns a batch for a network that samples.
     *
     * @param drawn standard normal noise, float32, (N, L)
     * @param weight the weight of the KL divergence
     * @return the same images and labels with these
     */
    public Minibatch with(NDArray drawn, float weight) {
        NDArray scalar = images.getManager().create(weight);
        return new Minibatch(images, labels, secondLabels, share, drawn, scalar);
    }

    /**
     * Returns what a network takes.
     *
     * @param wanted values of {@link DescribedNetwork}
     * @return their arrays
     */
    public NDList inputs(List<Value> wanted) {
        NDList inputs = new NDList();
        for (Value value : wanted) {
            if (value.equals(DescribedNetwork.LABELS)) {
                inputs.add(labels);
            } else {
                inputs.add(value.equals(DescribedNetwork.NOISE) ? noise : images);
            }
        }
        return inputs;
    }

    /**
     * Returns the images with their second labels.
     *
     * @return a batch without mixing
     */
    public Minibatch second() {
        return new Minibatch(images, secondLabels);
    }

    /**
     * Returns the number of examples.
     *
     * @return N
     */
    public int size() {
        return (int) images.getShape().get(0);
    }
}
