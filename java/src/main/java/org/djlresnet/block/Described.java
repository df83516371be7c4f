package org.djlresnet.block;

/** A block that can describe what it computes, for example for export to ONNX. */
public interface Described {

    /**
     * Adds what this block computes in evaluation mode to a graph.
     *
     * @param graph the graph; {@link Graph#apply} adds a child block
     * @param input the block's input
     * @return the block's output
     */
    Graph.Value describe(Graph graph, Graph.Value input);
}
