package org.djlresnet.model;

import java.util.List;

/**
 * The output of a network for an image. That of a classifier is {@link Classes}, that of a
 * variational autoencoder {@link Autoencoding}.
 */
public interface Output {

    /**
     * Returns the number of values for an image.
     *
     * @return 1 or more
     */
    int size();

    /**
     * Returns the names of the classes.
     *
     * @return the names; empty if the network knows of no classes
     */
    List<String> classNames();
}
