package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.djlresnet.QuadrantImages;
import org.djlresnet.UserException;
import org.djlresnet.block.BranchGate;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.model.Network;
import org.djlresnet.model.ResidualBlocks;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("engine")
class StochasticDepthTest extends TrainerFixture {

    private static final String SETTINGS =
            "'model': 'cifar-resnet20', 'batch_size': 4, 'lr': 0.01, 'stochastic_depth': 0.9";

    private final ImageDataset train = QuadrantImages.of(16, 1);
    private final ImageDataset test = QuadrantImages.of(4, 2);

    @Test
    void dropsIndependentlyWithTheGivenProbability() {
        int steps = 20_000;
        int first = 0;
        int second = 0;
        int both = 0;
        for (long step = 0; step < steps; step++) {
            boolean one = StochasticDepth.drops(1, step, "layer1.0", 0.5);
            boolean other = StochasticDepth.drops(1, step, "layer1.1", 0.2);
            first += one ? 1 : 0;
            second += other ? 1 : 0;
            both += one && other ? 1 : 0;
        }
        // five standard errors
        assertEquals(0.5, (double) first / steps, 0.018);
        assertEquals(0.2, (double) second / steps, 0.015);
        assertEquals(0.1, (double) both / steps, 0.011);
    }

    @Test
    void dropsOtherBlocksWithOtherSeeds() {
        int equal = 0;
        for (long step = 0; step < 10_000; step++) {
            equal +=
                    StochasticDepth.drops(1, step, "layer1.0", 0.5)
                                    == StochasticDepth.drops(2, step, "layer1.0", 0.5)
                            ? 1
                            : 0;
        }
        assertEquals(0.5, equal / 10_000.0, 0.025);
    }

    @Test
    void probabilityGrowsLinearlyToThatOfTheLastBlock() {
        Recipe recipe = QuadrantImages.recipe("{" + SETTINGS + "}");
        try (Network network = network(recipe)) {
            StochasticDepth depth = new StochasticDepth(network, 3, 0.9);
            List<String> names = List.copyOf(ResidualBlocks.of(network.block()).keySet());
            assertEquals(9, names.size());
            int[] dropped = new int[9];
            for (long step = 0; step < 2000; step++) {
                depth.begin(step);
                for (int i = 0; i < 9; i++) {
                    boolean shut =
                            ResidualBlocks.of(network.block())
                                    .get(names.get(i))
                                    .gate()
                                    .isShut(true);
                    dropped[i] += shut ? 1 : 0;
                }
            }
            for (int i = 0; i < 9; i++) {
                assertEquals(0.1 * (i + 1), dropped[i] / 2000.0, 0.06, names.get(i));
            }
            BranchGate last = ResidualBlocks.of(network.block()).get("layer3.2").gate();
            long step = 0;
            while (!StochasticDepth.drops(3, step, "layer3.2", 0.9)) {
                step++;
            }
            depth.begin(step);
            assertTrue(last.isShut(true));
            assertFalse(last.isShut(false));
            // a later run without stochastic depth drops nothing
            new StochasticDepth(network, 3, 0).begin(step);
            assertFalse(last.isShut(true));
        }
    }

    @Test
    void doesNotChangeADroppedBranch() {
        Recipe recipe = QuadrantImages.recipe("{" + SETTINGS + ", 'epochs': 1}");
        Map<String, byte[]> one = after(1, recipe);
        Map<String, byte[]> two = after(2, recipe);
        int stayed = 0;
        int moved = 0;
        try (Network network = network(recipe)) {
            List<String> names = List.copyOf(ResidualBlocks.of(network.block()).keySet());
            for (int i = 0; i < names.size(); i++) {
                String name = names.get(i);
                boolean dropped = StochasticDepth.drops(recipe.seed(), 1, name, 0.9 * (i + 1) / 9);
                for (String part : List.of(".conv1.weight", ".conv2.weight", ".bn2.weight")) {
                    assertEquals(
                            dropped,
                            Arrays.equals(one.get(name + part), two.get(name + part)),
                            name + part);
                }
                if (dropped) {
                    assertArrayEquals(
                            one.get(name + ".bn1.running_mean"),
                            two.get(name + ".bn1.running_mean"));
                }
                stayed += dropped ? 1 : 0;
                moved += dropped ? 0 : 1;
            }
        }
        assertTrue(stayed > 1 && moved > 1, stayed + " dropped, " + moved + " kept");
        assertFalse(Arrays.equals(one.get("conv1.weight"), two.get("conv1.weight")));
    }

    private Map<String, byte[]> after(int steps, Recipe recipe) {
        try (Network network = network(recipe)) {
            Trainer trainer = new Trainer(recipe, network, train, test, null);
            stopAfter(steps, trainer);
            trainer.run();
            return parameters(network);
        }
    }

    @Test
    void resumedRunDropsTheSameBlocks() {
        Recipe recipe = QuadrantImages.recipe("{" + SETTINGS + ", 'epochs': 2, 'momentum': 0.9}");
        TrainingRun whole = TrainingRun.prepare(recipe, train, test, dir.resolve("whole"));
        finish(whole);
        finishSteps(3, TrainingRun.prepare(recipe, train, test, dir.resolve("parts")));
        finish(TrainingRun.resume(dir.resolve("parts"), Map.of(), train, test));
        assertSameBytes(
                tensors(dir.resolve("whole").resolve("last.safetensors")),
                tensors(dir.resolve("parts").resolve("last.safetensors")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"plain20", "study-plain20"})
    void rejectsANetworkWithoutShortcuts(String model) {
        Recipe recipe =
                QuadrantImages.recipe("{'model': '" + model + "', 'stochastic_depth': 0.5}");
        try (Network network = network(recipe)) {
            String message =
                    assertThrows(
                                    UserException.class,
                                    () -> new Trainer(recipe, network, train, test, null))
                            .getMessage();
            assertTrue(
                    message.equals(
                            "\"stochastic_depth\" must be 0 for a "
                                    + model
                                    + ", which has no shortcuts. Received: 0.5."),
                    message);
        }
    }
}
