package org.djlresnet.objective;

/**
 * A figure that training and evaluation report, a mean over examples.
 *
 * @param name its name in {@code metrics.csv}, without the part of the data, such as {@code loss}
 * @param higherIsBetter whether a higher value is better
 */
public record Metric(String name, boolean higherIsBetter) {

    /** The name of the metric that every objective has: what is minimized. */
    public static final String LOSS = "loss";

    /**
     * Returns whether one value is better than another.
     *
     * @param value a value
     * @param other another
     * @param margin by how much it must be better, at least 0
     * @return whether it is
     */
    public boolean isBetter(double value, double other, double margin) {
        return higherIsBetter ? value > other + margin : value < other - margin;
    }

    /**
     * Returns the value that any other is better than.
     *
     * @return an infinity
     */
    public double worst() {
        return higherIsBetter ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
    }
}
