package org.djlresnet.block;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;

/**
 * Frees the arrays that pass between two operations, as soon as both operations are done.
 *
 * <p>The engine keeps the values that the gradients need. The memory of the rest, such as the
 * output of a batch normalization before a ReLU, is reused by the next operation.
 */
final class Intermediates {

    private Intermediates() {}

    /**
     * Closes arrays.
     *
     * @param arrays the inputs of an operation
     * @param inputs the chain's inputs, which stay open
     * @param outputs the operation's outputs, which stay open
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
