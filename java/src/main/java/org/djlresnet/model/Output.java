package org.djlresnet.model;

/** What a network gives for an image. {@link Classes} are the outputs of a classifier. */
public interface Output {

    /**
     * Returns how many numbers the network gives for an image.
     *
     * @return 1 or more
     */
    int size();
}
