package org.djlresnet.model;

/** The distribution of an image given its latent variables, independent by pixel. */
public enum Likelihood {
    /** Bernoulli, whose mean is the pixel's; grey values enter as if they were probabilities. */
    BERNOULLI("bernoulli"),
    /** Gaussian with one learned deviation. */
    GAUSSIAN("gaussian"),
    /** Gaussian with the deviation that fits best: the root of the mean squared error. */
    OPTIMAL_GAUSSIAN("optimal-gaussian"),
    /** Logistic with one learned scale, over the 256 values of a byte. */
    DISCRETIZED_LOGISTIC("discretized-logistic");

    private final String text;

    Likelihood(String text) {
        this.text = text;
    }

    /**
     * Returns the name in files.
     *
     * @return such as {@code discretized-logistic}
     */
    public String text() {
        return text;
    }

    /**
     * Returns whether the network has a tensor {@code log_scale}, shape (1). Training changes it,
     * except for {@link #OPTIMAL_GAUSSIAN}.
     *
     * @return false for {@link #BERNOULLI}
     */
    public boolean hasScale() {
        return this != BERNOULLI;
    }
}
