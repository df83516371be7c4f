package org.djlresnet.engine;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;

/** What a training loop must know about the engine beyond DJL's common interface. */
public enum EngineTraits {
    /** Accumulates gradients over backward passes and records outside gradient collectors. */
    PYTORCH {
        @Override
        public void disableRecording() {
            // DJL turns recording off on the thread that loads the engine only
            JniUtils.setGradMode(false);
        }

        @Override
        public boolean stridesArrays() {
            return true;
        }

        @Override
        public void forgetGradient(NDArray parameter) {
            // A new leaf on the same memory has no gradient at all: the backward pass then hands
            // its result over, where it would have to be added to zeros written before
            parameter.intern(parameter.stopGradient());
            parameter.setRequiresGradient(true);
        }

        @Override
        public void clearUnreachedGradient(NDArray parameter) {}

        @Override
        public boolean computesAtOnce(Device device) {
            return !device.isGpu();
        }

        @Override
        public void backward(NDArray output, NDArray gradient) {
            JniUtils.backward((PtNDArray) output, (PtNDArray) gradient, false, false);
        }

        @Override
        public void assign(NDArray target, NDArray source, boolean requiresGradient) {
            // DJL's copyTo goes through native code that warns on standard error
            // ones times the source: its very values, in the target's order of memory; detached,
            // since a thread that was not prepared would record the product as the target's origin
            try (NDArray values = source.stopGradient()) {
                target.intern(onesInOrderOf(target).muli(values));
            }
            target.setRequiresGradient(requiresGradient);
        }
    },
    /** Overwrites gradients at each backward pass and records in gradient collectors only. */
    MXNET {
        @Override
        public void disableRecording() {}

        @Override
        public boolean stridesArrays() {
            return false;
        }

        @Override
        public void forgetGradient(NDArray parameter) {}

        @Override
        public void clearUnreachedGradient(NDArray parameter) {
            try (NDArray gradient = parameter.getGradient()) {
                gradient.subi(gradient);
            }
        }

        @Override
        public boolean computesAtOnce(Device device) {
            return false;
        }

        @Override
        public void backward(NDArray output, NDArray gradient) {
            throw new UnsupportedOperationException("MXNet begins at a loss only");
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
     * Returns zeros that lie in memory as an array's values do; DJL's {@code zerosLike} and {@code
     * onesLike} lie as the shape says.
     *
     * @param array a float32 array
     * @return float32 zeros of its shape, with its manager
     */
    public static NDArray zerosInOrderOf(NDArray array) {
        return onesInOrderOf(array).subi(1);
    }

    private static NDArray onesInOrderOf(NDArray array) {
        try (NDArray detached = array.stopGradient()) {
            // a copy has the very strides, also over axes of length 1, which tell PyTorch's kernels
            // the order; to the power of 0 all values become 1, what is no number included
            return detached.duplicate().powi(0);
        }
    }

    /** Turns the recording of gradients off on this thread, but for gradient collectors. */
    public abstract void disableRecording();

    /**
     * Tells whether an array's values may lie in memory in another order than its shape says, so
     * that transposing costs nothing.
     *
     * @return whether they may
     */
    public abstract boolean stridesArrays();

    /**
     * Makes the next backward pass start from a gradient of zero.
     *
     * @param parameter an array that requires a gradient
     */
    public abstract void forgetGradient(NDArray parameter);

    /**
     * Makes a gradient zero that the next backward pass does not reach, and so does not write.
     *
     * @param parameter an array that requires a gradient, after {@link #forgetGradient}
     */
    public abstract void clearUnreachedGradient(NDArray parameter);

    /**
     * Tells whether an operation has been done when its call returns, so that it can be timed.
     *
     * @param device where it is done
     * @return whether it has
     */
    public abstract boolean computesAtOnce(Device device);

    /**
     * Goes back from an array in the middle of a graph; PyTorch only.
     *
     * @param output the array, recorded in a gradient collector
     * @param gradient that of the loss with regard to it
     */
    public abstract void backward(NDArray output, NDArray gradient);

    /**
     * Gives an array the values of another.
     *
     * @param target the array that changes
     * @param source an array of the same shape
     * @param requiresGradient whether the target is one that requires a gradient
     */
    public abstract void assign(NDArray target, NDArray source, boolean requiresGradient);
}
