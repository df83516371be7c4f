package org.djlresnet.checkpoint;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.djlresnet.model.TensorBytes;

/**
 * A named tensor to be written to a safetensors file.
 *
 * @param name its name in the file
 * @param dtype the type of its elements
 * @param shape its dimensions, none negative; empty for a scalar
 * @param data the remaining bytes: its elements, contiguous in row-major order, little-endian
 */
public record Tensor(String name, Dtype dtype, long[] shape, ByteBuffer data) {

    /**
     * Checks that the data fit the type and shape.
     *
     * @throws IllegalArgumentException if they do not
     */
    public Tensor {
        shape = shape.clone();
        long bytes = SafetensorsHeader.bytes(dtype, shape);
        if (bytes != data.remaining()) {
            throw new IllegalArgumentException(
                    "Tensor \"%s\" of type %s and shape %s takes %s bytes. Received: %s."
                            .formatted(
                                    name, dtype, Arrays.toString(shape), bytes, data.remaining()));
        }
        data = data.slice();
    }

    /**
     * Creates a tensor from an array, without a copy if engine and machine allow it.
     *
     * @param name its name in the file
     * @param array a float32 array that stays open and unchanged until the tensor is written
     * @param scope the manager of the copy if one is needed; it must stay open as long
     * @return the tensor
     */
    public static Tensor of(String name, NDArray array, NDManager scope) {
        return new Tensor(
                name, Dtype.F32, array.getShape().getShape(), TensorBytes.of(array, scope));
    }

    /** Returns a copy. */
    @Override
    public long[] shape() {
        return shape.clone();
    }
}
