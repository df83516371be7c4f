package org.djlresnet.model;

/** The output of a network for an image. That of a classifier is {@link Classes}. */
public interface Output {

    /**
     * Returns the number of values for an image.
     *
     * @return 1 or more
     */
    int size();
}
