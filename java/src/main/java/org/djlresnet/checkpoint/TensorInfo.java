package org.djlresnet.checkpoint;

/**
 * A tensor's entry in the header of a safetensors file.
 *
 * @param name its name
 * @param dtype the type of its elements
 * @param shape its lengths, none negative; empty for a scalar
 * @param begin where its bytes begin, counted from the end of the header
 * @param end where they end; {@code end - begin} is what dtype and shape say
 */
public record TensorInfo(String name, Dtype dtype, long[] shape, long begin, long end) {

    /** Returns a copy. */
    @Override
    public long[] shape() {
        return shape.clone();
    }
}
