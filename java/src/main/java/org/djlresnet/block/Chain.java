package org.djlresnet.block;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Block;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.List;
import org.djlresnet.graph.Described;
import org.djlresnet.graph.GraphBuilder;
import org.djlresnet.graph.Value;

/**
 * Blocks applied one after another, each under a name that the builder chooses.
 *
 * <p>Unlike DJL's {@code SequentialBlock}, it does not name its children after their classes, so a
 * network can keep the book's names regardless of the classes that implement it.
 */
public class Chain extends AbstractBlock implements Described {

    private static final byte VERSION = 1;

    /** What is computed, if that is not all children in their own order. */
    private List<Block> arranged;

    /** Creates an empty chain. */
    public Chain() {
        super(VERSION);
    }

    /**
     * Appends a block.
     *
     * @param <B> the block's type
     * @param name the name, which gets the block's two-digit position as a prefix
     * @param block the block
     * @return the block
     */
    public final <B extends Block> B append(String name, B block) {
        return addChildBlock(name, block);
    }

    /**
     * Sets what is computed: some of the children, in any order in which their shapes fit.
     *
     * @param blocks the children to compute; the others are left out, but keep their parameters
     */
    public final void arrange(List<? extends Block> blocks) {
        arranged = List.copyOf(blocks);
    }

    private List<Block> computed() {
        return arranged == null ? children.values() : arranged;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            PairList<String, Object> params) {
        NDList current = inputs;
        for (Block child : computed()) {
            current = child.forward(parameterStore, current, training, params);
        }
        return current;
    }

    @Override
    protected void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        initializeInOrder(children.values(), manager, dataType, inputShapes);
    }

    /** Initializes blocks, each for the outputs of the one before it. */
    static void initializeInOrder(
            Iterable<Block> blocks, NDManager manager, DataType dataType, Shape... inputShapes) {
        Shape[] shapes = inputShapes;
        for (Block block : blocks) {
            block.initialize(manager, dataType, shapes);
            shapes = block.getOutputShapes(shapes);
        }
    }

    @Override
    public Value describe(GraphBuilder graph, Value input) {
        Value current = input;
        for (Block child : computed()) {
            current = graph.apply(child, current);
        }
        return current;
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        Shape[] shapes = inputShapes;
        for (Block child : children.values()) {
            shapes = child.getOutputShapes(shapes);
        }
        return shapes;
    }
}
