package org.djlresnet.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.djlresnet.engine.EngineTraits;

/** Converts float32 tensors to bytes in native order and back. */
public final class TensorBytes {

    private TensorBytes() {}

    /**
     * Copies bytes into a new array in the engine's memory.
     *
     * @param manager the manager of the new array
     * @param bytes a direct buffer of float32 values in native order
     * @param shape the array's shape
     * @return the array
     */
    public static NDArray toArray(NDManager manager, ByteBuffer bytes, Shape shape) {
        // create() may alias the buffer; the copy has its own lifetime and the engine's alignment
        try (NDArray alias = manager.create(bytes, shape, DataType.FLOAT32)) {
            return alias.duplicate();
        }
    }

    /**
     * Returns an array's values, without a copy if engine and memory order allow it.
     *
     * @param array a float32 array
     * @param scope the manager of the copy, if one is needed
     * @return the values in native byte order and row-major order, valid while the array is open
     *     and unchanged and the scope is open
     */
    public static ByteBuffer of(NDArray array, NDManager scope) {
        NDArray values = array;
        if (EngineTraits.of(scope.getEngine()).compiles()) {
            // DJL attaches a copy to the manager of the original: use a second array on its memory
            values = array.stopGradient();
            values.attach(scope);
        }
        return values.toByteBuffer(true).order(ByteOrder.nativeOrder());
    }

    /**
     * Allocates memory for float32 values.
     *
     * @param values their number
     * @return a direct buffer of zeros in native order
     * @throws ArithmeticException if they do not fit in a buffer
     */
    public static ByteBuffer allocate(int values) {
        return ByteBuffer.allocateDirect(Math.multiplyExact(values, Float.BYTES))
                .order(ByteOrder.nativeOrder());
    }

    /**
     * Copies values.
     *
     * @param values the values
     * @return a direct buffer in native order
     */
    public static ByteBuffer of(float[] values) {
        ByteBuffer bytes = allocate(values.length);
        bytes.asFloatBuffer().put(values);
        return bytes;
    }

    /**
     * Copies bytes that must outlive their array.
     *
     * @param bytes the buffer, whose remaining bytes are copied; its position does not change
     * @return a direct buffer in native order
     */
    public static ByteBuffer copy(ByteBuffer bytes) {
        return ByteBuffer.allocateDirect(bytes.remaining())
                .order(ByteOrder.nativeOrder())
                .put(bytes.duplicate())
                .flip();
    }
}
