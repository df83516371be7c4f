package org.djlresnet.training;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.djlresnet.UserException;

/**
 * A search for a learning rate: the loss of steps at rates that grow exponentially, until it
 * diverges.
 *
 * <p>The smoothed loss is the debiased moving average of the batches' losses with the factor 0.98.
 * The sweep ends when it exceeds four times its minimum or, if that is negative, has risen by three
 * times the fall from the first loss or from 0. The suggestion is the rate at which it falls
 * fastest per logarithm of the rate, before its minimum and without the first tenth of the planned
 * steps and the last 5 steps. A loss that falls fastest in the first fifth of the steps does so at
 * any small rate, and gives no suggestion. Source: fastai's {@code LRFinder} and {@code steep};
 * Smith, "Cyclical Learning Rates for Training Neural Networks", 2017.
 */
public final class LrSweep {

    private static final Gson GSON = new GsonBuilder().serializeNulls().create();
    private static final double SMOOTHING = 0.98;
    private static final double DIVERGED = 4;
    private static final int LAST = 5;

    private final double from;
    private final double to;
    private final int steps;
    private final List<Double> lrs = new ArrayList<>();
    private final List<Double> losses = new ArrayList<>();
    private final List<Double> smoothed = new ArrayList<>();
    private double average;
    private double least = Double.POSITIVE_INFINITY;
    private boolean diverged;

    /**
     * Plans a sweep.
     *
     * @param from the first rate, above 0
     * @param to the rate after the last step, above {@code from}
     * @param steps the largest number of steps, at least 20
     * @throws UserException if an argument is out of range
     */
    public LrSweep(double from, double to, int steps) {
        if (!(from > 0 && to > from && to <= 1000)) {
            throw UserException.of(
                    "The rates of a sweep must rise. Received: %s to %s. Allowed: above 0"
                            + " to at most 1000.",
                    from, to);
        }
        if (steps < 20) {
            throw UserException.of("A sweep needs at least 20 steps. Received: %s.", steps);
        }
        this.from = from;
        this.to = to;
        this.steps = steps;
    }

    /** Returns the rate of the next step. */
    double lr() {
        return from * Math.pow(to / from, (double) losses.size() / steps);
    }

    /** Adds the loss of a step; one that is not finite ends the sweep and is not kept. */
    void add(double loss) {
        if (!Double.isFinite(loss)) {
            diverged = true;
            return;
        }
        lrs.add(lr());
        losses.add(loss);
        average = SMOOTHING * average + (1 - SMOOTHING) * loss;
        double debiased = average / (1 - Math.pow(SMOOTHING, losses.size()));
        smoothed.add(debiased);
        least = Math.min(least, debiased);
        diverged = debiased > least + (DIVERGED - 1) * size();
    }

    /** Returns the size of the least loss; that of an autoencoder may be negative. */
    private double size() {
        return least > 0 ? least : Math.max(0, smoothed.get(0)) - least;
    }

    boolean ended() {
        return diverged || losses.size() >= steps;
    }

    /** Returns the largest number of steps. */
    int steps() {
        return steps;
    }

    /** Returns the number of steps done. */
    int done() {
        return losses.size();
    }

    /** Returns the smoothed loss after the last step. */
    double loss() {
        return smoothed.isEmpty() ? 0 : smoothed.get(smoothed.size() - 1);
    }

    /**
     * Returns the suggested learning rate.
     *
     * @return the rate; null if the smoothed loss does not fall where it is searched, or falls
     *     fastest in the first fifth of the steps
     */
    public Double suggestion() {
        int best = 0;
        double steepest = 0;
        // a fall after the minimum is a wobble of a loss that explodes
        int end = Math.min(smoothed.indexOf(least), lrs.size() - LAST - 1);
        for (int i = steps / 10; i < end; i++) {
            double slope =
                    (smoothed.get(i + 1) - smoothed.get(i))
                            / (Math.log(lrs.get(i + 1)) - Math.log(lrs.get(i)));
            if (slope < steepest) {
                steepest = slope;
                best = i;
            }
        }
        return steepest < 0 && best >= lrs.size() / 5.0 ? lrs.get(best) : null;
    }

    /**
     * Returns a tenth of the rate of the lowest smoothed loss, fastai's {@code minimum}.
     *
     * @return the rate; null before the first step
     */
    public Double minimum() {
        return lrs.isEmpty() ? null : lrs.get(smoothed.indexOf(least)) / 10;
    }

    /**
     * Returns the results.
     *
     * @return {@code {"suggestion": a rate or null, "minimum": the same, "diverged": whether the
     *     loss diverged, "lrs", "losses", "smoothed": [a number for each step]}}
     */
    public String toJson() {
        JsonObject json = new JsonObject();
        json.addProperty("suggestion", suggestion());
        json.addProperty("minimum", minimum());
        json.addProperty("diverged", diverged);
        json.add("lrs", GSON.toJsonTree(lrs));
        json.add("losses", GSON.toJsonTree(losses));
        json.add("smoothed", GSON.toJsonTree(smoothed));
        return GSON.toJson(json);
    }
}
