package org.djlresnet.checkpoint;

/**
 * A tensor's entry in the header of a safetensors file.
 *
 * @param name its name
 * @param dtype the type of its elements
 * @param shape its dimensions, none negative; empty for a scalar
 * @param begin the position of its first byte, counted from the end of the header
 * @param end the position after its last byte
 */
public record TensorInfo(String name, Dtype dtype, long[] shape, long begin, long end) {

    /** Returns a copy. */
    @Override
    public long[] shape() {
        return shape.clone();
    }
}
