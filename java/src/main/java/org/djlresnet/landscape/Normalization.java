package org.djlresnet.landscape;

import java.util.Locale;

/**
 * How a random direction is scaled to the weights.
 *
 * <p>Without it, a step of the same length changes a network with small weights more than one with
 * large weights. Source: Li et al., "Visualizing the Loss Landscape of Neural Nets", 2018.
 */
public enum Normalization {
    /** Each output filter gets the norm of the weights' filter. */
    FILTER {
        @Override
        void apply(float[] direction, float[] weights, int filters) {
            int size = weights.length / filters;
            for (int filter = 0; filter < filters; filter++) {
                scale(direction, weights, filter * size, (filter + 1) * size);
            }
        }
    },
    /** Each tensor gets the norm of the weights' tensor. */
    LAYER {
        @Override
        void apply(float[] direction, float[] weights, int filters) {
            scale(direction, weights, 0, weights.length);
        }
    },
    /** Each number is multiplied by the absolute value of its weight. */
    WEIGHT {
        @Override
        void apply(float[] direction, float[] weights, int filters) {
            for (int i = 0; i < weights.length; i++) {
                direction[i] *= Math.abs(weights[i]);
            }
        }
    },
    /** The direction stays as it was drawn. */
    NONE {
        @Override
        void apply(float[] direction, float[] weights, int filters) {}
    };

    /**
     * Finds a normalization.
     *
     * @param name filter, layer, weight or none
     * @return the normalization
     */
    public static Normalization of(String name) {
        return valueOf(name.toUpperCase(Locale.ROOT));
    }

    /**
     * Normalizes a direction in place.
     *
     * @param direction the direction of a tensor, row-major
     * @param weights the tensor, row-major
     * @param filters the number of output filters, the size of the first axis
     */
    abstract void apply(float[] direction, float[] weights, int filters);

    /** Gives a range the norm that it has in the weights; 0 where they are 0. */
    private static void scale(float[] direction, float[] weights, int from, int to) {
        double norm = norm(direction, from, to);
        double factor = norm == 0 ? 0 : norm(weights, from, to) / norm;
        for (int i = from; i < to; i++) {
            direction[i] = (float) (direction[i] * factor);
        }
    }

    static double norm(float[] values, int from, int to) {
        double squares = 0;
        for (int i = from; i < to; i++) {
            squares += (double) values[i] * values[i];
        }
        return Math.sqrt(squares);
    }
}
