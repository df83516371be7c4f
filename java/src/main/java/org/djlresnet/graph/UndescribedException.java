package org.djlresnet.graph;

/** A part of a network does not describe what it computes, so the network runs as blocks. */
public final class UndescribedException extends IllegalArgumentException {

    private static final long serialVersionUID = 1;

    /**
     * Creates an exception.
     *
     * @param message names the part
     */
    public UndescribedException(String message) {
        super(message);
    }
}
