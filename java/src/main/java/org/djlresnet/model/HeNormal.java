package org.djlresnet.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.initializer.Initializer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.djlresnet.data.SplitMix64;

/**
 * Normal initial weights of mean 0 and variance 2 / fan-in, the same on every engine.
 *
 * <p>The values are a pure function of the seed, the tensor's name and its shape. The fan-in of a
 * weight (out, in, …) is the product of all its sizes but the first.
 *
 * <p>Source: He et al., "Delving Deep into Rectifiers", 2015; DJL's default for weights.
 */
final class HeNormal implements Initializer {

    private final long seed;

    HeNormal(long seed, String tensorName) {
        this.seed = SplitMix64.mix(seed, tensorName.hashCode());
    }

    @Override
    public NDArray initialize(NDManager manager, Shape shape, DataType dataType) {
        if (dataType != DataType.FLOAT32) {
            throw new IllegalArgumentException(
                    "Weights are float32. Received: dataType=" + dataType);
        }
        int size = Math.toIntExact(shape.size());
        double scale = Math.sqrt(2.0 * shape.get(0) / size);
        ByteBuffer values = ByteBuffer.allocateDirect(4 * size).order(ByteOrder.nativeOrder());
        SplitMix64 random = new SplitMix64(seed);
        for (int i = 0; i < size; i++) {
            values.putFloat((float) (scale * random.nextGaussian()));
        }
        return TensorBytes.toArray(manager, values.flip(), shape);
    }
}
