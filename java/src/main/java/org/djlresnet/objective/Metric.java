package org.djlresnet.objective;

/**
 * A number that training and evaluation report, averaged over examples.
 *
 * @param name its name, such as {@code loss}; in {@code metrics.csv}, prefixed with the split
 * @param higherIsBetter whether a higher value is better
 */
public record Metric(String name, boolean higherIsBetter) {

    /** The name of the loss, which every objective has and minimizes. */
    public static final String LOSS = "loss";

    /**
     * Returns whether one value is better than another.
     *
     * @param value a value
     * @param other the value to compare with
     * @param margin the smallest difference that counts, at least 0
     * @return whether {@code value} is better
     */
    public boolean isBetter(double value, double other, double margin) {
        return higherIsBetter ? value > other + margin : value < other - margin;
    }

    /**
     * Returns the worst possible value.
     *
     * @return an infinity
     */
    public double worst() {
        return higherIsBetter ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
    }
}
