package org.djlresnet.block;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.Locale;
import org.djlresnet.graph.Described;
import org.djlresnet.graph.GraphBuilder;
import org.djlresnet.graph.Value;

/**
 * A shortcut without parameters: every stride-th row and column, with channels of zeros before and
 * after the input's.
 *
 * <p>Shapes: (N, in, H, W) → (N, out, ⌈H/stride⌉, ⌈W/stride⌉). Half of the new channels come first
 * and half last; if their number is odd, the extra one comes last.
 *
 * <p>Source: He et al., "Deep Residual Learning for Image Recognition", 2015, option A.
 */
public final class ZeroPadding extends AbstractBlock implements Described {

    private static final byte VERSION = 1;

    private final int inChannels;
    private final int channels;
    private final int stride;

    /**
     * Creates a shortcut.
     *
     * @param inChannels the number of input channels
     * @param channels the number of output channels, at least {@code inChannels}
     * @param stride the stride over height and width, at least 1
     * @throws IllegalArgumentException if there are fewer output than input channels
     */
    public ZeroPadding(int inChannels, int channels, int stride) {
        super(VERSION);
        if (channels < inChannels) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "A zero-padding shortcut cannot reduce the channels. Received: from %d to"
                                    + " %d.",
                            inChannels,
                            channels));
        }
        this.inChannels = inChannels;
        this.channels = channels;
        this.stride = stride;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            PairList<String, Object> params) {
        NDArray input = inputs.singletonOrThrow();
        NDArray x = stride > 1 ? subsample(input, stride) : input;
        NDList parts = new NDList();
        if (before() > 0) {
            parts.add(zeros(x, before()));
        }
        parts.add(x);
        if (after() > 0) {
            parts.add(zeros(x, after()));
        }
        return new NDList(parts.size() == 1 ? x : NDArrays.concat(parts, 1));
    }

    /**
     * Selects every step-th row and column, starting with the first.
     *
     * @param x (N, C, H, W)
     * @param step the step
     * @return (N, C, ⌈H / step⌉, ⌈W / step⌉)
     */
    public static NDArray subsample(NDArray x, int step) {
        Shape shape = x.getShape();
        return x.get(
                new NDIndex()
                        .addAllDim(2)
                        .addSliceDim(0, shape.get(2), step)
                        .addSliceDim(0, shape.get(3), step));
    }

    private static NDArray zeros(NDArray like, int channels) {
        Shape shape = like.getShape();
        return like.getManager()
                .zeros(
                        new Shape(shape.get(0), channels, shape.get(2), shape.get(3)),
                        like.getDataType());
    }

    @Override
    public Value describe(GraphBuilder graph, Value input) {
        Value kept = stride > 1 ? graph.subsample(input, stride) : input;
        return graph.padChannels(kept, before(), after());
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        Shape input = inputShapes[0];
        return new Shape[] {
            new Shape(
                    input.get(0),
                    channels,
                    (input.get(2) + stride - 1) / stride,
                    (input.get(3) + stride - 1) / stride)
        };
    }

    private int before() {
        return (channels - inChannels) / 2;
    }

    private int after() {
        return channels - inChannels - before();
    }
}
