package org.djlresnet.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.charset.StandardCharsets;
import org.djlresnet.UserException;
import org.djlresnet.recipe.Recipe;

/** Any text is read as a valid recipe that survives a round trip, or rejected. */
class RecipeFuzzTest {

    @FuzzTest(maxDuration = "10m")
    void text(byte[] bytes) {
        Recipe recipe;
        try {
            String text = new String(bytes, StandardCharsets.UTF_8);
            recipe = FuzzFile.withinMemory(() -> Recipe.fromJson(text));
        } catch (UserException rejected) {
            assertTrue(rejected.getMessage().length() < 2000, rejected.getMessage());
            return;
        }
        assertEquals(recipe, Recipe.fromJson(recipe.toJson()));
        assertIn(1, recipe.epochs(), 1_000_000);
        assertIn(2, recipe.batchSize(), 65_536);
        assertIn(0, recipe.lr(), 1000);
        assertIn(0, recipe.momentum(), 0.9999);
        assertIn(0, recipe.weightDecay(), 1);
        assertIn(0, recipe.warmupEpochs(), recipe.epochs() - 1);
        assertIn(1, recipe.stepEpochs(), 1_000_000);
        assertIn(0, recipe.stepFactor(), 1);
        assertIn(0, recipe.keep(), 1_000_000);
        assertIn(0, recipe.minDelta(), 1);
        assertIn(0, recipe.plateauEpochs(), 1_000_000);
        assertIn(0, recipe.plateauFactor(), 1);
        assertInOrNull(1, recipe.imageSize(), 4096);
        assertInOrNull(2, recipe.limit(), Integer.MAX_VALUE);
        assertInOrNull(1, recipe.threads(), 1024);
        assertInOrNull(1, recipe.patience(), 1_000_000);
        if (recipe.validationFraction() != null) {
            assertTrue(recipe.validationFraction() > 0 && recipe.validationFraction() < 1);
        }
        assertTrue(!recipe.nesterov() || recipe.momentum() > 0);
        assertEquals(recipe.seed(), recipe.toMap().get("seed"));
    }

    private static void assertIn(double least, double value, double most) {
        assertTrue(value >= least && value <= most, () -> value + "");
    }

    private static void assertInOrNull(int least, Integer value, int most) {
        if (value != null) {
            assertIn(least, value, most);
        }
    }
}
