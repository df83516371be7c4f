package org.djlresnet.block;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;

/**
 * Frees arrays between two operations as soon as both have been computed.
 *
 * <p>The engine keeps those values of them that the gradients need. The rest, such as the output of
 * a batch normalization before a ReLU, is memory for the next operation.
 */
final class Intermediates {

    private Intermediates() {}

    /**
     * Closes arrays.
     *
     * @param arrays what an operation took
     * @param inputs what came from outside, which stays
     * @param outputs what goes on, which stays
     */
    static void free(NDList arrays, NDList inputs, NDList outputs) {
        for (NDArray array : arrays) {
            if (!isAmong(array, inputs) && !isAmong(array, outputs)) {
                array.close();
            }
        }
    }

    /** DJL's {@code contains} would compare values. */
    private static boolean isAmong(NDArray array, NDList list) {
        return list.stream().anyMatch(other -> other == array);
    }
}
