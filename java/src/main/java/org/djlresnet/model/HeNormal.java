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
 * Draws initial weights from a normal distribution with mean 0 and variance 2 / fan-in, the same on
 * every engine.
 *
 * <p>The values depend only on the seed, the tensor's name and its shape. The fan-in of a weight
 * (out, in, …) is the product of all its sizes except the first.
 *
 * <p>Source: He et al., "Delving Deep into Rectifiers", 2015; DJL's default for weights.
 */
final class HeNormal implements Initializer {

    /** Enough for every convolution of a ResNet. */
    private static final int MAX_REUSED = 10 << 20;

    /** Reused because direct memory is freed only by the garbage collector. */
    private static ByteBuffer reused;

    private final long seed;

    HeNormal(long seed, String tensorName) {
        this.seed = SplitMix64.mix(seed, tensorName.hashCode());
    }

    @Override
    public NDArray initialize(NDManager manager, Shape shape, DataType dataType) {
        if (dataType != DataType.FLOAT32) {
            throw new IllegalArgumentException(
                    "Weights must be float32. Received: " + dataType + ".");
        }
        int size = Math.toIntExact(shape.size());
        double scale = Math.sqrt(2.0 * shape.get(0) / size);
        synchronized (HeNormal.class) {
            ByteBuffer values = buffer(Math.multiplyExact(size, Float.BYTES));
            SplitMix64 random = new SplitMix64(seed);
            for (int i = 0; i < size; i++) {
                values.putFloat((float) (scale * random.nextGaussian()));
            }
            return TensorBytes.toArray(manager, values.flip(), shape);
        }
    }

    private static ByteBuffer buffer(int bytes) {
        if (bytes > MAX_REUSED) {
            return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
        }
        if (reused == null) {
            reused = ByteBuffer.allocateDirect(MAX_REUSED).order(ByteOrder.nativeOrder());
        }
        return reused.clear().limit(bytes);
    }
}
