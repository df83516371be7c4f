package org.djlresnet.engine;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;

/** Differences between the engines that DJL's common interface does not cover. */
public enum EngineTraits {
    /** Accumulates gradients over backward passes and records outside gradient collectors. */
    PYTORCH {
        @Override
        public void disableRecording() {
            // DJL disables recording only on the thread that loads the engine
            JniUtils.setGradMode(false);
        }

        @Override
        public void forgetGradient(NDArray parameter) {
            // A new leaf on the same memory has no gradient, so the backward pass hands over its
            // result instead of adding it to zeros
            parameter.intern(parameter.stopGradient());
            parameter.setRequiresGradient(true);
        }

        @Override
        public void backward(NDArray output, NDArray gradient) {
            JniUtils.backward((PtNDArray) output, (PtNDArray) gradient, false, false);
        }

        @Override
        public void assign(NDArray target, NDArray source, boolean requiresGradient) {
            // DJL's copyTo warns on standard error. Ones times the source are its exact values in
            // the target's memory order; detached, or a recording thread would keep the product
            // as the target's origin
            try (NDArray values = source.stopGradient()) {
                target.intern(onesInOrderOf(target).muli(values));
            }
            target.setRequiresGradient(requiresGradient);
        }
    },
    /** Overwrites gradients at each backward pass and records in gradient collectors only. */
    MXNET {
        @Override
        public void clearUnreachedGradient(NDArray parameter) {
            try (NDArray gradient = parameter.getGradient()) {
                gradient.subi(gradient);
            }
        }

        @Override
        public void assign(NDArray target, NDArray source, boolean requiresGradient) {
            source.copyTo(target);
        }
    };

    /**
     * Returns the traits of an engine.
     *
     * @param engine PyTorch or MXNet
     * @return its traits
     */
    public static EngineTraits of(Engine engine) {
        return "PyTorch".equals(engine.getEngineName()) ? PYTORCH : MXNET;
    }

    /**
     * Returns zeros in an array's memory order, which DJL's {@code zerosLike} and {@code onesLike}
     * ignore.
     *
     * @param array a float32 array
     * @return float32 zeros of its shape, with its manager
     */
    public static NDArray zerosInOrderOf(NDArray array) {
        return onesInOrderOf(array).subi(1);
    }

    private static NDArray onesInOrderOf(NDArray array) {
        try (NDArray detached = array.stopGradient()) {
            // A copy keeps all strides, those of axes of length 1 included, by which PyTorch's
            // kernels choose the order; any value to the power of 0 is 1, NaN included
            return detached.duplicate().powi(0);
        }
    }

    /** Disables the recording of gradients on this thread, except in gradient collectors. */
    public void disableRecording() {}

    /**
     * Returns whether an array's memory order may differ from its shape's, so that transposing
     * costs nothing.
     *
     * @return whether arrays have strides
     */
    public boolean stridesArrays() {
        return this == PYTORCH;
    }

    /**
     * Makes the next backward pass start from a zero gradient.
     *
     * @param parameter an array that requires a gradient
     */
    public void forgetGradient(NDArray parameter) {}

    /**
     * Zeroes a gradient that the backward pass did not reach and so did not write.
     *
     * @param parameter an array that requires a gradient, after {@link #forgetGradient}
     */
    public void clearUnreachedGradient(NDArray parameter) {}

    /**
     * Returns whether an operation is complete when its call returns, so that it can be timed.
     *
     * @param device where it runs
     * @return whether calls are synchronous
     */
    public boolean computesAtOnce(Device device) {
        return this == PYTORCH && !device.isGpu();
    }

    /**
     * Runs the backward pass from an array inside a graph; PyTorch only.
     *
     * @param output the array, recorded in a gradient collector
     * @param gradient the gradient of the loss with respect to it
     */
    public void backward(NDArray output, NDArray gradient) {
        throw new UnsupportedOperationException("MXNet's backward pass starts at a loss.");
    }

    /**
     * Copies the values of an array into another.
     *
     * @param target the array to change
     * @param source an array of the same shape
     * @param requiresGradient whether the target requires a gradient
     */
    public abstract void assign(NDArray target, NDArray source, boolean requiresGradient);
}
