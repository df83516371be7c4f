package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.djlresnet.QuadrantImages;
import org.djlresnet.UserException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(120)
class LrSweepTest extends ResumeFixture {

    private static final int STEPS = 40;

    private static LrSweep sweep(double... losses) {
        LrSweep sweep = new LrSweep(1e-4, 1, STEPS);
        for (double loss : losses) {
            sweep.add(loss);
        }
        return sweep;
    }

    private static JsonObject json(LrSweep sweep) {
        return JsonParser.parseString(sweep.toJson()).getAsJsonObject();
    }

    @Test
    void ratesGrowExponentially() {
        JsonArray lrs = json(sweep(new double[STEPS])).getAsJsonArray("lrs");
        assertEquals(1e-4, lrs.get(0).getAsDouble(), 1e-12);
        assertEquals(1e-2, lrs.get(STEPS / 2).getAsDouble(), 1e-10);
        // the end would be the rate of one more step
        assertEquals(Math.pow(10, -0.1), lrs.get(STEPS - 1).getAsDouble(), 1e-9);
    }

    @Test
    void suggestsWhereTheSmoothedLossFallsFastest() {
        double[] losses = new double[STEPS];
        for (int i = 0; i < STEPS; i++) {
            losses[i] = 3 - 2 / (1 + Math.exp(14 - i)) - 0.01 * i;
        }
        LrSweep sweep = sweep(losses);
        JsonArray smoothed = json(sweep).getAsJsonArray("smoothed");
        double[] expected = new double[STEPS];
        for (int i = 0; i < STEPS; i++) {
            double sum = 0;
            double weights = 0;
            for (int k = 0; k <= i; k++) {
                sum += Math.pow(0.98, i - k) * losses[k];
                weights += Math.pow(0.98, i - k);
            }
            expected[i] = sum / weights;
            assertEquals(expected[i], smoothed.get(i).getAsDouble(), 1e-12);
        }
        // rates are evenly spaced in logarithms, so the largest fall is the steepest
        int steepest = STEPS / 10;
        for (int i = steepest; i + 1 < STEPS - 5; i++) {
            if (expected[i + 1] - expected[i] < expected[steepest + 1] - expected[steepest]) {
                steepest = i;
            }
        }
        assertEquals(1e-4 * Math.pow(1e4, (double) steepest / STEPS), sweep.suggestion(), 1e-12);
        assertEquals(1e-4 * Math.pow(1e4, (STEPS - 1.0) / STEPS) / 10, sweep.minimum(), 1e-12);
        assertTrue(sweep.ended());
        assertFalse(json(sweep).get("diverged").getAsBoolean());
    }

    /** The debiased average of a loss that falls at first falls fastest at first. */
    @Test
    void fallFromTheFirstRatesOnGivesNoSuggestion() {
        double[] losses = new double[STEPS];
        for (int i = 0; i < STEPS; i++) {
            losses[i] = 1 + 2 * Math.exp(-i / 2.0) - 0.001 * i;
        }
        assertNull(sweep(losses).suggestion());
    }

    /**
     * Gradient descent on λw²/2 multiplies w by 1 − lr · λ in a step: a rate of 1/λ ends at once,
     * and above 2/λ it diverges.
     */
    @ParameterizedTest
    @ValueSource(doubles = {0.1, 1, 10, 100})
    void suggestsTheOrderOfMagnitudeThatSuitsAQuadratic(double curvature) {
        LrSweep sweep = new LrSweep(1e-5, 100, 200);
        double weight = 1;
        while (!sweep.ended()) {
            double lr = sweep.lr();
            sweep.add(curvature * weight * weight / 2);
            weight -= lr * curvature * weight;
        }
        double relative = sweep.suggestion() * curvature;
        assertTrue(0.03 < relative && relative < 1, relative + "/λ");
    }

    /** The loss of few images: it falls a little, explodes, and then wobbles down. */
    @Test
    void ignoresFallsAfterTheLowestLoss() {
        double[] losses = new double[STEPS];
        for (int i = 0; i < STEPS; i++) {
            losses[i] = i < 20 ? 1.5 - 0.01 * i : i < 30 ? 4 : 2;
        }
        LrSweep sweep = sweep(losses);
        List<Double> smoothed =
                json(sweep).getAsJsonArray("smoothed").asList().stream()
                        .map(value -> value.getAsDouble())
                        .toList();
        // the wobble falls more steeply than the loss did before
        assertTrue(smoothed.get(31) - smoothed.get(30) < smoothed.get(5) - smoothed.get(4) - 0.005);
        assertEquals(19, smoothed.indexOf(Collections.min(smoothed)));
        assertTrue(sweep.suggestion() < 1e-4 * Math.pow(1e4, 19.0 / STEPS), sweep.toJson());
    }

    @Test
    void suggestsNothingIfTheLossOnlyRisesOrItsLowestIsAtTheStart() {
        double[] rising = new double[STEPS];
        double[] late = new double[STEPS];
        for (int i = 0; i < STEPS; i++) {
            rising[i] = 1 + 0.01 * i;
            late[i] = i == 0 ? 1 : 2 - 0.01 * i;
        }
        assertNull(sweep(rising).suggestion());
        assertNull(sweep(late).suggestion());
    }

    @Test
    void endsAtFourTimesTheLeastLoss() {
        LrSweep sweep = sweep(1, 1, 1, 1);
        assertFalse(sweep.ended());
        sweep.add(20);
        // the smoothed loss is about 4.9
        assertTrue(sweep.ended());
        assertTrue(json(sweep).get("diverged").getAsBoolean());
        assertNull(sweep.suggestion());
    }

    /** A density's negative log-likelihood falls below 0. */
    @Test
    void endsWhenALossHasRisenByThreeTimesItsFallBelowZero() {
        LrSweep sweep = sweep(100, -300, -500, -400, -300);
        assertFalse(sweep.ended());
        // the least smoothed loss is about -290, so it ends about 3 · 390 above
        sweep.add(4000);
        assertFalse(sweep.ended());
        sweep.add(8000);
        assertTrue(sweep.ended());
        assertFalse(sweep(-3, -2.9, -3.1, -2.5).ended());
    }

    @Test
    void rejectsRatesThatDoNotRise() {
        for (double[] rates : List.of(new double[] {0, 1}, new double[] {1, 1})) {
            String message =
                    assertThrows(UserException.class, () -> new LrSweep(rates[0], rates[1], 20))
                            .getMessage();
            assertTrue(message.startsWith("The rates of a sweep must rise. Received: "), message);
        }
        assertThrows(UserException.class, () -> new LrSweep(1e-4, 1, 19));
    }

    @Test
    @Tag("engine")
    void sweepsOverSeveralEpochsUntilTheLossDiverges() throws IOException {
        LrSweep sweep = new LrSweep(1e-4, 1000, 60);
        TrainingRun run =
                TrainingRun.rehearse(
                        QuadrantImages.recipe(RECIPE.replace("}", ", 'debug_gradients': 'step'}")),
                        train,
                        null,
                        test);
        assertNull(run.folder());
        run.sweep(sweep);
        assertTrue(sweep.done() > 10, sweep.done() + " steps");
        assertTrue(json(sweep).get("diverged").getAsBoolean());
        assertEquals(Progress.State.DONE, run.trainer().progress().state());
        try (Stream<?> files = Files.list(dir)) {
            assertEquals(0, files.count());
        }
    }
}
