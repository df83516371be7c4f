package org.djlresnet.block;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import org.djlresnet.engine.EngineTraits;

/**
 * The order in which the values of a convolution's weight, (out, in, height, width), lie in memory.
 *
 * <p>The shape and every value stay the same; only PyTorch's CPU kernels are affected.
 */
enum MemoryOrder {
    /** The order of the shape: out, in, height, width. */
    PLAIN {
        @Override
        NDArray arrange(NDArray weight) {
            return weight;
        }
    },
    /** Out, height, width, in: convolutions then compute channels-last, which is faster. */
    CHANNELS_LAST {
        @Override
        NDArray arrange(NDArray weight) {
            Shape s = weight.getShape();
            return weight.transpose(0, 2, 3, 1)
                    .flatten()
                    .reshape(s.get(0), s.get(2), s.get(3), s.get(1))
                    .transpose(0, 3, 1, 2);
        }
    },
    /**
     * Height, width, out, in: the weight of each tap is one matrix for {@link PositionProducts}.
     */
    TAPS_FIRST {
        @Override
        NDArray arrange(NDArray weight) {
            Shape s = weight.getShape();
            return weight.transpose(2, 3, 0, 1)
                    .flatten()
                    .reshape(s.get(2), s.get(3), s.get(0), s.get(1))
                    .transpose(2, 3, 0, 1);
        }
    };

    /**
     * Chooses the order for a weight.
     *
     * @param device the weight's device
     * @param traits the engine's traits
     * @param byPositions whether its convolution is computed by {@link PositionProducts}
     * @return the order
     */
    static MemoryOrder of(Device device, EngineTraits traits, boolean byPositions) {
        if (!traits.stridesArrays() || device.isGpu()) {
            return PLAIN;
        }
        return byPositions ? TAPS_FIRST : CHANNELS_LAST;
    }

    /** Returns an array of the same shape and values in this order. */
    abstract NDArray arrange(NDArray weight);

    /**
     * Puts a parameter's array into this order.
     *
     * @param weight the array, (out, in, height, width), which keeps its identity
     * @param requiresGradient whether the array requires a gradient
     */
    final void apply(NDArray weight, boolean requiresGradient) {
        if (this == PLAIN) {
            return;
        }
        try (NDManager scope = weight.getManager().newSubManager()) {
            NDArray values = weight.stopGradient();
            values.attach(scope);
            weight.intern(arrange(values));
            weight.setRequiresGradient(requiresGradient);
        }
    }
}
