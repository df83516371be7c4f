package org.djlresnet.objective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import org.djlresnet.data.Batch;

/**
 * A batch on the network's device.
 *
 * @param images float32, (N, C, H, W)
 * @param labels the classes, int32, (N)
 */
public record Minibatch(NDArray images, NDArray labels) {

    /**
     * Wraps a batch, without a copy on a CPU.
     *
     * @param batch the batch, which must stay open while the arrays are used
     * @param manager the arrays' manager
     * @return the arrays
     */
    public static Minibatch of(Batch batch, NDManager manager) {
        return new Minibatch(
                manager.create(batch.images(), new Shape(batch.shape()), DataType.FLOAT32),
                manager.create(batch.labels(), new Shape(batch.count()), DataType.INT32));
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
