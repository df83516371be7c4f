package org.djlresnet.block;

/** A block that can say what it computes, so that it can be written in another program's form. */
public interface Described {

    /**
     * Adds what this block computes in evaluation mode to a graph.
     *
     * @param graph the graph; {@link Graph#apply} lets a part of the block add itself
     * @param input the block's input
     * @return the block's output
     */
    Graph.Value describe(Graph graph, Graph.Value input);
}
