package org.djlresnet.engine;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
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
        public void assign(NDArray target, NDArray source) {
            // DJL's copyTo warns on standard error
            try (NDArray to = target.stopGradient();
                    NDArray from = source.stopGradient()) {
                to.attach(source.getManager());
                synchronized (Copy.PROGRAM) {
                    Copy.PROGRAM.call("copy", new NDList(to, from)).close();
                }
            }
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
        public void assign(NDArray target, NDArray source) {
            source.copyTo(target);
        }
    };

    /** Loads on first use, after the engine. */
    private static final class Copy {
        static final TorchScript PROGRAM =
                new TorchScript(
                        Engine.getEngine("PyTorch").newBaseManager(),
                        """
                          def copy(self: __torch__.Program, target: Tensor, source: Tensor) -> Tensor:
                            return torch.copy_(target, source)
                        """);
    }

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
        try (NDArray detached = array.stopGradient()) {
            // a copy keeps all strides; any value to the power of 0 is 1, NaN included
            return detached.duplicate().powi(0).subi(1);
        }
    }

    /** Disables the recording of gradients on this thread, except in gradient collectors. */
    public void disableRecording() {}

    /**
     * Returns whether {@link TorchScript} programs run on the engine, and arrays have strides.
     *
     * @return whether they do
     */
    public boolean compiles() {
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
     * Copies the values of an array into another.
     *
     * @param target the array to change
     * @param source an array of the same shape
     */
    public abstract void assign(NDArray target, NDArray source);
}
