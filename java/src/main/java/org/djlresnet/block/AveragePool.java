package org.djlresnet.block;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.pooling.Pool;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;

/**
 * The mean over square windows; windows that reach over the end count what lies inside.
 *
 * <p>Shapes: (N, C, H, W) → (N, C, ⌈H/stride⌉, ⌈W/stride⌉) for a stride equal to the window. The
 * same as torch.nn.AvgPool2d with {@code ceil_mode=True} and {@code count_include_pad=False}.
 */
public final class AveragePool extends AbstractBlock implements Described {

    private static final byte VERSION = 1;

    private final int kernelSize;
    private final int stride;

    /**
     * Creates a pooling.
     *
     * @param kernelSize the window's height and width, at least 1
     * @param stride the step of the window over height and width, at least 1
     */
    public AveragePool(int kernelSize, int stride) {
        super(VERSION);
        this.kernelSize = kernelSize;
        this.stride = stride;
    }

    /**
     * Returns the size of the windows.
     *
     * @return their height and width
     */
    public int kernelSize() {
        return kernelSize;
    }

    /**
     * Returns the step of the windows.
     *
     * @return the stride over height and width
     */
    public int stride() {
        return stride;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            PairList<String, Object> params) {
        Shape input = inputs.singletonOrThrow().getShape();
        // MXNet refuses windows larger than the map
        long height = Math.min(kernelSize, input.get(2));
        long width = Math.min(kernelSize, input.get(3));
        return new NDList(
                Pool.avgPool2d(
                        inputs.singletonOrThrow(),
                        new Shape(height, width),
                        new Shape(stride, stride),
                        new Shape(0, 0),
                        true,
                        false));
    }

    @Override
    public Graph.Value describe(Graph graph, Graph.Value input) {
        return graph.averagePool(input, kernelSize, stride);
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        Shape input = inputShapes[0];
        return new Shape[] {
            new Shape(input.get(0), input.get(1), pooled(input.get(2)), pooled(input.get(3)))
        };
    }

    private long pooled(long size) {
        long windows = -Math.floorDiv(kernelSize - size, stride) + 1;
        // the last window begins inside
        return (windows - 1) * stride >= size ? windows - 1 : windows;
    }
}
