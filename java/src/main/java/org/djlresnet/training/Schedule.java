package org.djlresnet.training;

import java.util.Arrays;
import java.util.List;
import org.djlresnet.recipe.Recipe;

/** The learning rate as a function of the step. */
public final class Schedule {

    // PyTorch's default for ReduceLROnPlateau
    private static final double PLATEAU_THRESHOLD = 1e-4;
    // PyTorch's defaults for OneCycleLR
    private static final double ONE_CYCLE_RISE = 0.3;
    private static final double ONE_CYCLE_INITIAL_DIVISOR = 25;
    private static final double ONE_CYCLE_FINAL_DIVISOR = 1e4;

    private final Recipe recipe;
    private final Selection plateau;
    private final long updatesPerEpoch;
    private final long warmup;
    private final long updates;

    /**
     * Creates the schedule of a recipe.
     *
     * @param recipe the recipe
     * @param updatesPerEpoch the number of updates in an epoch, at least 1
     * @param plateau the metric of the schedule {@code plateau}
     */
    public Schedule(Recipe recipe, long updatesPerEpoch, Selection plateau) {
        this.recipe = recipe;
        this.plateau = plateau;
        this.updatesPerEpoch = updatesPerEpoch;
        warmup = recipe.warmupEpochs() * updatesPerEpoch;
        updates = recipe.epochs() * updatesPerEpoch;
    }

    /**
     * Returns the learning rate of an update of the weights, which without accumulation is a step.
     *
     * <p>During the first {@code warmup_epochs} it rises linearly: lr · (update + 1) / (warm-up
     * updates). Then, with t counted from the end of the warm-up and T the remaining updates:
     *
     * <ul>
     *   <li>{@code constant}: lr.
     *   <li>{@code step}: lr · step_factor^⌊epoch / step_epochs⌋, epochs counted from the start of
     *       the run; with step_at, lr · step_factor^(number of its fractions f with round(f ·
     *       updates of the run) ≤ update).
     *   <li>{@code cosine}: lr · (1 + cos(π t / T)) / 2, as in Loshchilov and Hutter, "SGDR", 2017.
     *   <li>{@code cosine-restarts}: a cosine per cycle. The first cycle lasts restart_epochs; each
     *       further one lasts restart_factor times the previous. As PyTorch's
     *       CosineAnnealingWarmRestarts ("SGDR").
     *   <li>{@code triangular}: in straight lines from triangle_start · lr to lr at ⌊triangle_peak
     *       · T⌋ and to triangle_end · lr at T, which no update reaches, as in airbench94.py in
     *       https://github.com/KellerJordan/cifar10-airbench.
     *   <li>{@code one-cycle}: from lr/25 along half a cosine to lr at 30% of T - 1, then along
     *       half a cosine to lr/250,000, as PyTorch's OneCycleLR (Smith and Topin, 2018).
     *   <li>{@code plateau}: lr · plateau_factor^k, but not below plateau_min, where k counts how
     *       often the metric failed to improve by 0.01% for more than plateau_epochs epochs, as
     *       PyTorch's ReduceLROnPlateau with its defaults. The metric of a classification is the
     *       loss on the test data or, with a validation split, on the validation data; that of an
     *       autoencoder is the ELBO.
     * </ul>
     *
     * @param update the update, counted from 0 over the whole run
     * @param history the rows of the epochs before the update's
     * @return the learning rate
     */
    public double lr(long update, List<EpochRow> history) {
        double peak = recipe.lr();
        if (update < warmup) {
            return peak * (update + 1) / warmup;
        }
        double t = update - warmup;
        double total = updates - warmup;
        switch (recipe.schedule()) {
            case "step":
                return peak * Math.pow(recipe.stepFactor(), drops(update));
            case "plateau":
                double dropped = peak * Math.pow(recipe.plateauFactor(), plateaus(history));
                return Math.max(dropped, Math.min(peak, recipe.plateauMin()));
            case "cosine":
                return halfCosine(peak, 0, t / total);
            case "cosine-restarts":
                return halfCosine(peak, 0, ofCycle(t));
            case "triangular":
                return peak * triangle(t, total);
            case "one-cycle":
                return oneCycle(peak, t, total);
            case "constant":
                return peak;
            default:
                throw new IllegalStateException("Unknown schedule " + recipe.schedule());
        }
    }

    private long drops(long update) {
        double[] at = recipe.stepAt();
        return at.length == 0
                ? update / updatesPerEpoch / recipe.stepEpochs()
                : Arrays.stream(at).filter(f -> Math.round(f * updates) <= update).count();
    }

    /** Returns the fraction of the current cycle that is over. */
    private double ofCycle(double t) {
        double length = (double) recipe.restartEpochs() * updatesPerEpoch;
        double into = t;
        if (recipe.restartFactor() == 1) {
            return into % length / length;
        }
        while (into >= length) {
            into -= length;
            length *= recipe.restartFactor();
        }
        return into / length;
    }

    private double triangle(double t, double total) {
        double top = Math.floor(recipe.trianglePeak() * total);
        if (t < top) {
            return recipe.triangleStart() + (1 - recipe.triangleStart()) * t / top;
        }
        // with the top at the end, no update is beyond it
        return 1 + (recipe.triangleEnd() - 1) * (t - top) / (total - top);
    }

    private int plateaus(List<EpochRow> history) {
        double best = plateau.metric().worst();
        int waited = 0;
        int plateaus = 0;
        for (EpochRow row : history) {
            double value = row.metric(plateau.column());
            if (isBetter(value, best)) {
                best = value;
                waited = 0;
            } else {
                waited++;
            }
            if (waited > recipe.plateauEpochs()) {
                plateaus++;
                waited = 0;
            }
        }
        return plateaus;
    }

    private boolean isBetter(double value, double best) {
        // relative to a size, because an ELBO may be negative
        double margin = Double.isInfinite(best) ? 0 : Math.abs(best) * PLATEAU_THRESHOLD;
        return plateau.metric().isBetter(value, best, margin);
    }

    private static double oneCycle(double peak, double t, double total) {
        double initial = peak / ONE_CYCLE_INITIAL_DIVISOR;
        double top = ONE_CYCLE_RISE * total - 1;
        if (t <= top) {
            return halfCosine(initial, peak, t / top);
        }
        double end = total - 1;
        return halfCosine(peak, initial / ONE_CYCLE_FINAL_DIVISOR, (t - top) / (end - top));
    }

    private static double halfCosine(double from, double to, double fraction) {
        return to + (from - to) * (1 + Math.cos(Math.PI * fraction)) / 2;
    }
}
