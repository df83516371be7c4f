package org.djlresnet.training;

import org.djlresnet.recipe.Recipe;

/** The learning rate as a function of the step. */
public final class Schedule {

    // PyTorch's defaults for OneCycleLR
    private static final double ONE_CYCLE_RISE = 0.3;
    private static final double ONE_CYCLE_INITIAL_DIVISOR = 25;
    private static final double ONE_CYCLE_FINAL_DIVISOR = 1e4;

    private final Recipe recipe;
    private final long stepsPerEpoch;
    private final long warmupSteps;
    private final long steps;

    /**
     * Creates the schedule of a recipe.
     *
     * @param recipe the recipe
     * @param stepsPerEpoch the number of batches of an epoch, at least 1
     */
    public Schedule(Recipe recipe, long stepsPerEpoch) {
        this.recipe = recipe;
        this.stepsPerEpoch = stepsPerEpoch;
        warmupSteps = recipe.warmupEpochs() * stepsPerEpoch;
        steps = recipe.epochs() * stepsPerEpoch;
    }

    /**
     * Returns the learning rate of a step.
     *
     * <p>The first {@code warmup_epochs} rise linearly, (step + 1) / (warm-up steps) times the
     * recipe's rate. Then, with t counted from the end of the warm-up and T the steps that are
     * left:
     *
     * <ul>
     *   <li>{@code constant}: lr.
     *   <li>{@code step}: lr · step_factor^⌊epoch / step_epochs⌋ with the epoch counted from the
     *       start of the run.
     *   <li>{@code cosine}: lr · (1 + cos(π t / T)) / 2, as in Loshchilov and Hutter, "SGDR", 2017.
     *   <li>{@code one-cycle}: from lr/25 by half a cosine to lr at 30 % of T - 1, then by half a
     *       cosine to lr/250,000, as PyTorch's OneCycleLR (Smith and Topin, 2018).
     * </ul>
     *
     * @param step the step, counted from 0 over the whole run
     * @return the learning rate
     */
    public double lr(long step) {
        double peak = recipe.lr();
        if (step < warmupSteps) {
            return peak * (step + 1) / warmupSteps;
        }
        double t = step - warmupSteps;
        double total = steps - warmupSteps;
        switch (recipe.schedule()) {
            case "step":
                long drops = step / stepsPerEpoch / recipe.stepEpochs();
                return peak * Math.pow(recipe.stepFactor(), drops);
            case "cosine":
                return halfCosine(peak, 0, t / total);
            case "one-cycle":
                return oneCycle(peak, t, total);
            case "constant":
                return peak;
            default:
                throw new IllegalStateException("No schedule " + recipe.schedule());
        }
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
