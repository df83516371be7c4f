package org.djlresnet.graph;

import java.util.List;

/** A network with several inputs or outputs that describes what it computes. */
public interface DescribedNetwork {

    /** The images, float32, (N, C, H, W). */
    Value IMAGES = new Value("images");

    /** The classes of the images, int32, (N). */
    Value LABELS = new Value("labels");

    /** Standard normal values, float32, (N, L). */
    Value NOISE = new Value("noise");

    /** Points of a latent space, float32, (N, L). */
    Value LATENTS = new Value("latents");

    /**
     * Returns what the network takes.
     *
     * @return some of the values above, in the order of its inputs
     */
    List<Value> inputs();

    /**
     * Adds what the network computes to a graph.
     *
     * @param graph the graph
     * @param inputs the values of {@link #inputs}
     * @return its outputs
     */
    List<Value> describe(GraphBuilder graph, List<Value> inputs);
}
