package org.djlresnet.block;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.ParallelBlock;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import org.djlresnet.graph.Described;
import org.djlresnet.graph.GraphBuilder;
import org.djlresnet.graph.Value;

/**
 * The sum of a residual branch and a shortcut on the same input, F(x) + shortcut(x).
 *
 * <p>Its children are the branch and the shortcut, in this order. If the gate is shut, it computes
 * only the shortcut.
 */
public class ResidualSum extends ParallelBlock implements Described {

    private final BranchGate gate;

    /**
     * Creates a sum.
     *
     * @param branch the residual branch
     * @param shortcut the shortcut, whose output has the branch's shape
     * @param gate enables or disables the branch
     */
    // warning of javac 21 and later: DJL adds children through an instance method
    @SuppressWarnings("this-escape")
    public ResidualSum(Block branch, Block shortcut, BranchGate gate) {
        super(outputs -> outputs.get(0));
        this.gate = gate;
        addChildBlock("branch", branch);
        addChildBlock("shortcut", shortcut);
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            PairList<String, Object> params) {
        Block shortcut = children.get(1).getValue();
        if (gate.isShut(training)) {
            return shortcut.forward(parameterStore, inputs, training, params);
        }
        Block branch = children.get(0).getValue();
        NDArray residual =
                branch.forward(parameterStore, inputs, training, params).singletonOrThrow();
        NDArray scaled = gate.scale(residual, training);
        NDArray kept =
                shortcut.forward(parameterStore, inputs, training, params).singletonOrThrow();
        return new NDList(scaled.add(kept));
    }

    @Override
    public Value describe(GraphBuilder graph, Value input) {
        Value shortcut = graph.apply(children.get(1).getValue(), input);
        if (gate.isShut(false)) {
            return shortcut;
        }
        Block branch = children.get(0).getValue();
        return graph.sum(graph.apply(branch, input), shortcut, branch);
    }

    /** DJL's shape inference would run the sum on arrays of zeros. */
    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return children.get(0).getValue().getOutputShapes(inputShapes);
    }
}
