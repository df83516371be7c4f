package org.djlresnet.block;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Block;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Blocks applied one after another, each under a name that the builder chooses.
 *
 * <p>Unlike DJL's {@code SequentialBlock}, it does not name its children after their classes, so a
 * network can keep the book's names regardless of the classes that implement it.
 */
public class Chain extends AbstractBlock implements Described {

    private static final byte VERSION = 1;

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

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            PairList<String, Object> params) {
        return forward(children.values(), parameterStore, inputs, training, params);
    }

    /**
     * Applies blocks one after the other.
     *
     * <p>A max pooling that follows a ReLU is applied before it. The values and gradients are the
     * same, but the ReLU works on a map of a quarter of the size.
     *
     * @param blocks the blocks
     * @param parameterStore holds their parameters
     * @param inputs the first block's inputs
     * @param training whether batch normalization uses and updates statistics of this batch
     * @param params the call's parameters, or null
     * @return the last block's outputs
     */
    public static NDList forward(
            List<Block> blocks,
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            PairList<String, Object> params) {
        NDList current = inputs;
        for (Block block : inOrder(blocks)) {
            NDList next = block.forward(parameterStore, current, training, params);
            Intermediates.free(current, inputs, next);
            current = next;
        }
        return current;
    }

    private static List<Block> inOrder(List<Block> blocks) {
        List<Block> order = new ArrayList<>(blocks);
        for (int i = 1; i < order.size(); i++) {
            if (commute(order.get(i - 1), order.get(i))) {
                Collections.swap(order, i - 1, i);
            }
        }
        return order;
    }

    private static boolean commute(Block first, Block second) {
        return first instanceof FunctionBlock a
                && second instanceof FunctionBlock b
                && a.law() == FunctionBlock.Law.MONOTONE
                && b.law() == FunctionBlock.Law.MAXIMUM;
    }

    @Override
    protected void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        Shape[] shapes = inputShapes;
        for (Block child : children.values()) {
            child.initialize(manager, dataType, shapes);
            shapes = child.getOutputShapes(shapes);
        }
    }

    @Override
    public Graph.Value describe(Graph graph, Graph.Value input) {
        Graph.Value current = input;
        for (Block child : children.values()) {
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
