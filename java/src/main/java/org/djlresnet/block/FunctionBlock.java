package org.djlresnet.block;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;

/**
 * A block without parameters that computes its output shape.
 *
 * <p>DJL's {@code LambdaBlock} finds its output shape by running its function on an array of zeros
 * on the default engine.
 */
final class FunctionBlock extends AbstractBlock implements Described {

    private static final byte VERSION = 1;

    /** A property of the function, used to reorder blocks. */
    enum Law {
        /** No known property. */
        NONE,
        /** Element-wise and non-decreasing. */
        MONOTONE,
        /** Maxima of the values. */
        MAXIMUM
    }

    private final Law law;
    private final UnaryOperator<NDArray> function;
    private final UnaryOperator<Shape> outputShape;
    private final BiFunction<Graph, Graph.Value, Graph.Value> description;

    FunctionBlock(
            Law law,
            UnaryOperator<NDArray> function,
            UnaryOperator<Shape> outputShape,
            BiFunction<Graph, Graph.Value, Graph.Value> description) {
        super(VERSION);
        this.law = law;
        this.function = function;
        this.outputShape = outputShape;
        this.description = description;
    }

    Law law() {
        return law;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            PairList<String, Object> params) {
        return new NDList(function.apply(inputs.singletonOrThrow()));
    }

    @Override
    public Graph.Value describe(Graph graph, Graph.Value input) {
        return description.apply(graph, input);
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return new Shape[] {outputShape.apply(inputShapes[0])};
    }
}
