package org.djlresnet.block;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import org.djlresnet.graph.Described;
import org.djlresnet.graph.GraphBuilder;
import org.djlresnet.graph.Value;

/**
 * A block without parameters that computes its output shape.
 *
 * <p>DJL's {@code LambdaBlock} finds its output shape by running its function on an array of zeros
 * on the default engine.
 */
final class FunctionBlock extends AbstractBlock implements Described {

    private static final byte VERSION = 1;

    private final UnaryOperator<NDArray> function;
    private final UnaryOperator<Shape> outputShape;
    private final BiFunction<GraphBuilder, Value, Value> description;

    FunctionBlock(
            UnaryOperator<NDArray> function,
            UnaryOperator<Shape> outputShape,
            BiFunction<GraphBuilder, Value, Value> description) {
        super(VERSION);
        this.function = function;
        this.outputShape = outputShape;
        this.description = description;
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
    public Value describe(GraphBuilder graph, Value input) {
        return description.apply(graph, input);
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return new Shape[] {outputShape.apply(inputShapes[0])};
    }
}
