package org.djlresnet.block;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.pooling.Pool;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import org.djlresnet.graph.Described;
import org.djlresnet.graph.GraphBuilder;
import org.djlresnet.graph.Value;
import org.djlresnet.graph.Window;

/**
 * Average pooling over square windows; a window that extends past the edge averages only the values
 * inside.
 *
 * <p>Shapes: (N, C, H, W) → (N, C, ⌈H/stride⌉, ⌈W/stride⌉) if the stride equals the window.
 * Equivalent to torch.nn.AvgPool2d with {@code ceil_mode=True} and {@code count_include_pad=False}.
 */
public final class AveragePool extends AbstractBlock implements Described {

    private static final byte VERSION = 1;

    private final int kernelSize;
    private final int stride;

    /**
     * Creates a pooling layer.
     *
     * @param kernelSize the window's height and width, at least 1
     * @param stride the stride over height and width, at least 1
     */
    public AveragePool(int kernelSize, int stride) {
        super(VERSION);
        this.kernelSize = kernelSize;
        this.stride = stride;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            PairList<String, Object> params) {
        Shape input = inputs.singletonOrThrow().getShape();
        // MXNet rejects windows larger than the input
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
    public Value describe(GraphBuilder graph, Value input) {
        return graph.averagePool(input, Window.square(kernelSize, stride, 0));
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
        // the last window must start inside the input
        return (windows - 1) * stride >= size ? windows - 1 : windows;
    }
}
