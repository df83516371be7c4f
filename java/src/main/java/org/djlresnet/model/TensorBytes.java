package org.djlresnet.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Float32 tensors as bytes in native order, and back. */
public final class TensorBytes {

    private TensorBytes() {}

    /**
     * Copies bytes into a new array whose memory the engine owns.
     *
     * @param manager the manager of the new array
     * @param bytes a direct buffer of float32 values in native order
     * @param shape the array's shape
     * @return the array
     */
    public static NDArray toArray(NDManager manager, ByteBuffer bytes, Shape shape) {
        // create() may alias the buffer; the copy has the engine's own alignment and life time
        try (NDArray alias = manager.create(bytes, shape, DataType.FLOAT32)) {
            return alias.duplicate();
        }
    }

    /**
     * Returns an array's values, without a copy where the engine allows it.
     *
     * @param array a float32 array
     * @return its values in native order, valid as long as the array is open and unchanged
     */
    public static ByteBuffer of(NDArray array) {
        return array.toByteBuffer(true).order(ByteOrder.nativeOrder());
    }
}
