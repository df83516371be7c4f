package org.djlresnet.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.djlresnet.engine.EngineTraits;

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
     * Returns an array's values, without a copy where engine and memory order allow it.
     *
     * @param array a float32 array
     * @param scope owns the copy, if one has to be made
     * @return its values in native order and in the order of its shape, valid as long as the array
     *     is open and unchanged and the scope is open
     */
    public static ByteBuffer of(NDArray array, NDManager scope) {
        NDArray values = array;
        if (EngineTraits.of(scope.getEngine()).stridesArrays()) {
            // DJL gives a copy to the manager of what it copies: here a second array on that memory
            values = array.stopGradient();
            values.attach(scope);
        }
        return values.toByteBuffer(true).order(ByteOrder.nativeOrder());
    }

    /**
     * Copies bytes, for an array's memory is freed when it is closed, whoever still looks at it.
     *
     * @param bytes what remains of it is copied; it stays as it is
     * @return a direct buffer of native order
     */
    public static ByteBuffer copy(ByteBuffer bytes) {
        return ByteBuffer.allocateDirect(bytes.remaining())
                .order(ByteOrder.nativeOrder())
                .put(bytes.duplicate())
                .flip();
    }
}
