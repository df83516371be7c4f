package org.djlresnet.checkpoint;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * A named tensor to be written to a safetensors file.
 *
 * @param name its name in the file
 * @param dtype the type of its elements
 * @param shape its lengths, none negative; empty for a scalar
 * @param data the remaining bytes: its elements, contiguous in row-major order, little-endian
 */
public record Tensor(String name, Dtype dtype, long[] shape, ByteBuffer data) {

    /**
     * Checks that everything fits.
     *
     * @throws IllegalArgumentException if a length is negative, the data have another size than
     *     dtype and shape say, or the name is the format's own {@code __metadata__}
     */
    public Tensor {
        if (name.equals(SafetensorsHeader.METADATA)) {
            throw new IllegalArgumentException("No tensor may be named " + name);
        }
        shape = shape.clone();
        long bytes = SafetensorsHeader.bytes(dtype, shape);
        if (bytes != data.remaining()) {
            throw new IllegalArgumentException(
                    "Tensor \"%s\" of type %s and shape %s takes %d bytes, received %d"
                            .formatted(
                                    name, dtype, Arrays.toString(shape), bytes, data.remaining()));
        }
        data = data.slice();
    }

    /** Returns a copy. */
    @Override
    public long[] shape() {
        return shape.clone();
    }
}
