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
 * Draws initial weights, the same on every engine. A builder sets one as the initializer of a
 * weight, and {@link Network#create} seeds it.
 *
 * <p>The values depend only on the seed, the tensor's name and its shape. The fan-in of a weight
 * (out, in, …) is the product of all its sizes except the first.
 */
enum InitialWeights implements Initializer {

    /**
     * From a normal distribution with mean 0 and variance 2 / fan-in. Source: He et al., "Delving
     * Deep into Rectifiers", 2015; DJL's default for weights.
     */
    HE_NORMAL {
        @Override
        void fill(SplitMix64 random, Shape shape, ByteBuffer values) {
            int size = values.remaining() / Float.BYTES;
            double scale = Math.sqrt(2.0 * shape.get(0) / size);
            for (int i = 0; i < size; i++) {
                values.putFloat((float) (scale * random.nextGaussian()));
            }
        }
    },

    /** Uniform between ±1 / √fan-in: PyTorch's default for weights. */
    UNIFORM {
        @Override
        void fill(SplitMix64 random, Shape shape, ByteBuffer values) {
            int size = values.remaining() / Float.BYTES;
            double bound = Math.sqrt((double) shape.get(0) / size);
            for (int i = 0; i < size; i++) {
                values.putFloat((float) (bound * (2 * random.nextFloat() - 1)));
            }
        }
    },

    /**
     * Uniform between ±√(6 / (fan-in + fan-out)): Keras's default for weights. The fan-out is as
     * the fan-in with the first two sizes exchanged. Source: Glorot and Bengio, "Understanding the
     * Difficulty of Training Deep Feedforward Neural Networks", 2010.
     */
    GLOROT_UNIFORM {
        @Override
        void fill(SplitMix64 random, Shape shape, ByteBuffer values) {
            int size = values.remaining() / Float.BYTES;
            double fans = (double) size / shape.get(0) + (double) size / shape.get(1);
            double bound = Math.sqrt(6 / fans);
            for (int i = 0; i < size; i++) {
                values.putFloat((float) (bound * (2 * random.nextFloat() - 1)));
            }
        }
    },

    /**
     * A convolution whose first output channels are its input channels; further ones are {@link
     * #UNIFORM}. Source: Zagoruyko and Komodakis, "DiracNets", 2017; K. Jordan, "94% on CIFAR-10 in
     * 3.29 Seconds on a Single GPU", 2024.
     */
    DIRAC {
        @Override
        void fill(SplitMix64 random, Shape shape, ByteBuffer values) {
            ByteBuffer all = values.duplicate().order(values.order());
            UNIFORM.fill(random, shape, values);
            int taps = (int) (shape.get(2) * shape.get(3));
            int row = (int) shape.get(1) * taps;
            for (int out = 0; out < Math.min(shape.get(0), shape.get(1)); out++) {
                for (int i = 0; i < row; i++) {
                    float value = i == out * taps + taps / 2 ? 1 : 0;
                    all.putFloat((out * row + i) * Float.BYTES, value);
                }
            }
        }
    };

    /** Enough for every convolution of a ResNet. */
    private static final int MAX_REUSED = 10 << 20;

    /** Reused because direct memory is freed only by the garbage collector. */
    private static ByteBuffer reused;

    /** Writes values in row-major order to a buffer of their size. */
    abstract void fill(SplitMix64 random, Shape shape, ByteBuffer values);

    /**
     * Draws the values of a tensor.
     *
     * @param seed the seed of the network
     * @param tensor the tensor's name
     * @return their initializer
     */
    Initializer seeded(long seed, String tensor) {
        long own = SplitMix64.mix(seed, tensor.hashCode());
        return (manager, shape, type) -> draw(own, manager, shape, type);
    }

    /** Draws the values of a block that is initialized without a {@link Network}. */
    @Override
    public NDArray initialize(NDManager manager, Shape shape, DataType dataType) {
        return draw(0, manager, shape, dataType);
    }

    private NDArray draw(long seed, NDManager manager, Shape shape, DataType dataType) {
        if (dataType != DataType.FLOAT32) {
            throw new IllegalArgumentException(
                    "Weights must be float32. Received: " + dataType + ".");
        }
        int size = Math.toIntExact(shape.size());
        synchronized (InitialWeights.class) {
            ByteBuffer values = buffer(Math.multiplyExact(size, Float.BYTES));
            fill(new SplitMix64(seed), shape, values);
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
