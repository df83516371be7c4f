package org.djlresnet.graph;

/**
 * An array in a {@link Graph}: its input, a parameter, or the output of an operation.
 *
 * @param name its name, unique in the graph
 */
public record Value(String name) {}
