package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.djlresnet.objective.Metric;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScheduleTest {

    private static Schedule schedule(long stepsPerEpoch, String singleQuoted) {
        return new Schedule(
                Recipe.fromJson(singleQuoted.replace('\'', '"')), stepsPerEpoch, Rows.LOSS);
    }

    private static void assertRates(Schedule schedule, double... expected) {
        for (int step = 0; step < expected.length; step++) {
            assertEquals(expected[step], schedule.lr(step, List.of()), 1e-12, "step " + step);
        }
    }

    @Test
    void plateauMatchesPyTorchsReduceLROnPlateau() {
        Schedule schedule =
                schedule(
                        1,
                        "{'epochs': 16, 'lr': 0.4, 'schedule': 'plateau', 'plateau_epochs': 2,"
                                + " 'plateau_factor': 0.5}");
        double[] losses = {
            1, .9, .8, .79995, .8, .81, .7, .7, .69999, .71, .72, .5, .6, .6, .6, .6
        };
        // torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=2), torch 2.15
        double[] rates = {.4, .4, .4, .4, .4, .4, .2, .2, .2, .2, .1, .1, .1, .1, .1, .05};
        List<EpochRow> history = new ArrayList<>();
        for (int epoch = 0; epoch < losses.length; epoch++) {
            assertEquals(rates[epoch], schedule.lr(epoch, history), 1e-12, "epoch " + epoch);
            history.add(Rows.row(epoch + 1, losses[epoch], 0.5));
        }
    }

    @Test
    void plateauOfANegativeMetricNeedsAnIncrease() {
        Schedule schedule =
                new Schedule(
                        Recipe.builder()
                                .optLr(0.4)
                                .optSchedule("plateau")
                                .opt("plateau_epochs", 2)
                                .opt("plateau_factor", 0.5)
                                .opt("plateau_min", 0.15)
                                .build(),
                        1,
                        new Selection("test", new Metric("loss", true)));
        // an improvement is more than 0.1
        double[] bounds = {-1000, -1000.05, -1000.09, -999.95, -999.8, -999.8, -999.8, -999.8};
        double[] rates = {0.4, 0.4, 0.4, 0.4, 0.2, 0.2, 0.2, 0.2};
        List<EpochRow> history = new ArrayList<>();
        for (int epoch = 0; epoch < bounds.length; epoch++) {
            assertEquals(rates[epoch], schedule.lr(epoch, history), 1e-12, "epoch " + epoch);
            history.add(Rows.row(epoch + 1, bounds[epoch], 0.5));
        }
        assertEquals(0.15, schedule.lr(bounds.length, history), 1e-12);
    }

    @Test
    void constantDoesNotChange() {
        assertRates(schedule(2, "{'epochs': 2, 'lr': 0.3}"), 0.3, 0.3, 0.3, 0.3);
    }

    @ParameterizedTest
    @CsvSource({
        // He et al., 2016: 64,000 steps, drops after 32,000 and 48,000
        "64, 1000, '.5,0.75', 32000, 48000",
        // 180 epochs of 391 steps, drops after 31,590 and 47,580
        "180, 391, '0.44885,0.67604', 31590, 47580"
    })
    void stepDropsAtFractionsOfTheRun(
            int epochs, int stepsPerEpoch, String at, long first, long second) {
        Schedule schedule =
                schedule(
                        stepsPerEpoch,
                        "{'epochs': %d, 'lr': 0.1, 'schedule': 'step', 'step_at': '%s'}"
                                .formatted(epochs, at));
        assertEquals(0.1, schedule.lr(first - 1, List.of()), 1e-12);
        assertEquals(0.01, schedule.lr(first, List.of()), 1e-12);
        assertEquals(0.01, schedule.lr(second - 1, List.of()), 1e-12);
        assertEquals(0.001, schedule.lr(second, List.of()), 1e-12);
    }

    @Test
    void stepDropsEveryStepEpochs() {
        Schedule schedule =
                schedule(
                        3,
                        "{'epochs': 5, 'lr': 0.8, 'schedule': 'step', 'step_epochs': 2,"
                                + " 'step_factor': 0.5}");
        // epochs 0 and 1, epochs 2 and 3, epoch 4
        assertRates(
                schedule, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.2, 0.2,
                0.2);
    }

    @Test
    void stepCountsEpochsFromTheStartOfTheRun() {
        Schedule schedule =
                schedule(
                        2,
                        "{'epochs': 3, 'lr': 1, 'schedule': 'step', 'step_epochs': 2,"
                                + " 'step_factor': 0.1, 'warmup_epochs': 1}");
        assertRates(schedule, 0.5, 1, 1, 1, 0.1, 0.1);
    }

    @Test
    void cosineFollowsHalfACosine() {
        // (1 + cos(pi t/6)) / 2 at t = 0 … 5; cos 30° = sqrt(3)/2, cos 60° = 1/2
        double root = Math.sqrt(3) / 4;
        assertRates(
                schedule(3, "{'epochs': 2, 'lr': 0.4, 'schedule': 'cosine'}"),
                0.4,
                0.4 * (0.5 + root),
                0.4 * 0.75,
                0.4 * 0.5,
                0.4 * 0.25,
                0.4 * (0.5 - root));
    }

    @Test
    void warmUpRisesLinearlyBeforeTheSchedule() {
        // two epochs of two steps up, then a cosine over the remaining four steps
        double diagonal = Math.sqrt(2) / 4;
        assertRates(
                schedule(2, "{'epochs': 4, 'lr': 0.8, 'schedule': 'cosine', 'warmup_epochs': 2}"),
                0.2,
                0.4,
                0.6,
                0.8,
                0.8,
                0.8 * (0.5 + diagonal),
                0.8 * 0.5,
                0.8 * (0.5 - diagonal));
    }

    @Test
    void triangularRisesAndFallsInStraightLines() {
        // 8 updates: up to the third, 0.3 · 8 rounded down, then down by a sixth of 0.9 each
        assertRates(
                schedule(
                        4,
                        "{'epochs': 2, 'lr': 2, 'schedule': 'triangular', 'triangle_start': 0.2,"
                                + " 'triangle_peak': 0.3, 'triangle_end': 0.1}"),
                0.4,
                1.2,
                2,
                1.7,
                1.4,
                1.1,
                0.8,
                0.5);
        // without a rise it falls from the first update, without a fall it rises to the end
        assertRates(
                schedule(4, "{'epochs': 1, 'lr': 1, 'schedule': 'triangular', 'triangle_peak': 0}"),
                1,
                0.75,
                0.5,
                0.25);
        assertRates(
                schedule(4, "{'epochs': 1, 'lr': 1, 'schedule': 'triangular', 'triangle_peak': 1}"),
                0,
                0.25,
                0.5,
                0.75);
        // after an epoch of warm-up, the triangle has the remaining updates
        assertRates(
                schedule(
                        4,
                        "{'epochs': 2, 'lr': 1, 'schedule': 'triangular', 'triangle_peak': 0.5,"
                                + " 'warmup_epochs': 1}"),
                0.25,
                0.5,
                0.75,
                1,
                0,
                0.5,
                1,
                0.5);
    }

    @Test
    void cosineRestartsInLongerCycles() {
        // after a warm-up of one epoch, cycles of one epoch and of two, with two updates each
        double diagonal = Math.sqrt(2) / 4;
        assertRates(
                schedule(
                        2,
                        "{'epochs': 5, 'lr': 1, 'schedule': 'cosine-restarts', 'restart_epochs': 1,"
                                + " 'restart_factor': 2, 'warmup_epochs': 1}"),
                0.5,
                1,
                1,
                0.5,
                1,
                0.5 + diagonal,
                0.5,
                0.5 - diagonal,
                1);
    }

    @Test
    void oneCycleRisesAndFalls() {
        // 20 steps: the top is at 0.3 · 20 - 1 = 5, the end at 19
        Schedule schedule = schedule(10, "{'epochs': 2, 'lr': 1, 'schedule': 'one-cycle'}");
        assertEquals(0.04, schedule.lr(0, List.of()), 1e-12);
        // halfway, a half cosine has the mean of its ends; cos 36° = (1 + sqrt 5) / 4
        assertEquals(
                0.04 + 0.96 * (1 - (1 + Math.sqrt(5)) / 4) / 2, schedule.lr(1, List.of()), 1e-12);
        assertEquals(1, schedule.lr(5, List.of()), 1e-12);
        assertEquals((1 + 4e-6) / 2, schedule.lr(12, List.of()), 1e-12);
        assertEquals(4e-6, schedule.lr(19, List.of()), 1e-12);
    }

    /**
     * With few steps the rise of 0.3 T - 1 steps contains at most one. As in
     * torch.optim.lr_scheduler.OneCycleLR (max_lr=1, total_steps=T), the top is at 0.3 T - 1 even
     * before the first step.
     */
    @ParameterizedTest
    @CsvSource({
        // the end is at 0, the fall is over
        "1, 0, 4e-6",
        // the top is at -0.4, the end at 1: the first step is 0.4 / 1.4 of the way down
        "2, 0, 0.8117456539",
        "2, 1, 4e-6",
        // the top is at -0.1, the end at 2: 0.1 / 2.1, 1.1 / 2.1
        "3, 0, 0.9944154355",
        "3, 1, 0.4626371027",
        "3, 2, 4e-6",
        // the top is at 0.2, the end at 3: 0.8 / 2.8, 1.8 / 2.8
        "4, 0, 0.04",
        "4, 1, 0.8117456539",
        "4, 2, 0.2830609982",
        "4, 3, 4e-6",
    })
    void shortOneCycleMatchesPyTorch(int steps, long step, double expected) {
        Schedule schedule = schedule(steps, "{'epochs': 1, 'lr': 1, 'schedule': 'one-cycle'}");
        assertEquals(expected, schedule.lr(step, List.of()), 1e-9);
    }

    @Test
    void ratesOfShortRunsAreInRange() {
        for (String name : new String[] {"constant", "step", "cosine", "one-cycle"}) {
            for (int epochs = 1; epochs <= 12; epochs++) {
                for (int warmup = 0; warmup < epochs; warmup++) {
                    Schedule schedule =
                            schedule(
                                    1,
                                    String.format(
                                            "{'epochs': %d, 'lr': 0.5, 'schedule': '%s',"
                                                    + " 'warmup_epochs': %d, 'step_epochs': 2}",
                                            epochs, name, warmup));
                    for (int step = 0; step < epochs; step++) {
                        double lr = schedule.lr(step, List.of());
                        assertTrue(lr > 0 && lr <= 0.5, name + " " + epochs + " " + step + lr);
                    }
                }
            }
        }
    }

    @Test
    void longRunDoesNotOverflow() {
        Schedule schedule =
                schedule(
                        1_000_000_000,
                        "{'epochs': 1000000, 'lr': 1, 'schedule': 'cosine', 'warmup_epochs':"
                                + " 500000}");
        assertEquals(0.5, schedule.lr(250_000_000_000_000L - 1, List.of()), 1e-9);
        assertEquals(0.5, schedule.lr(750_000_000_000_000L, List.of()), 1e-9);
    }
}
