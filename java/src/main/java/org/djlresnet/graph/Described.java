package org.djlresnet.graph;

/** A block that describes what it computes, so that it can be compiled and exported to ONNX. */
public interface Described {

    /**
     * Adds what this block computes to a graph.
     *
     * @param graph the graph; {@link GraphBuilder#apply} adds a child block
     * @param input the block's input
     * @return the block's output
     */
    Value describe(GraphBuilder graph, Value input);
}
