package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Map;
import org.djlresnet.UserException;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EpochPlanTest {

    @ParameterizedTest
    @CsvSource({
        // examples, batch size, drop_last, examples in an epoch, steps
        "60000, 256, , 60000, 235",
        "512, 256, , 512, 2",
        // fewer than 16 examples and less than half a batch
        "257, 256, , 256, 1",
        "258, 256, , 256, 1",
        "271, 256, , 256, 1",
        "272, 256, , 272, 2",
        "23, 16, , 16, 1",
        "24, 16, , 24, 2",
        // the only batch is kept
        "3, 256, , 3, 1",
        "2, 256, , 2, 1",
        "5, 4, , 4, 1",
        "6, 4, , 6, 2",
        "258, 256, true, 256, 1",
        "400, 256, true, 256, 1",
        "512, 256, true, 512, 2",
        "258, 256, false, 258, 2",
        // a single example has no variance
        "257, 256, false, 256, 1",
    })
    void dropsALastBatchThatIsTooSmall(
            int size, int batchSize, Boolean dropLast, int examples, int steps) {
        EpochPlan plan = new EpochPlan(size, batchSize, dropLast, 0);
        assertEquals(examples, plan.examples());
        assertEquals(steps, plan.steps());
        assertEquals(examples, plan.order(0, 0).length);
    }

    private static TrainingState standing(int epochs, long step, long examples) {
        return new TrainingState(
                Recipe.fromJson("{}"),
                epochs,
                step,
                List.of(),
                new TrainingState.Partial(examples, Map.of(), 0),
                null);
    }

    @Test
    void rejectsAStateOfOtherData() {
        // 256 + 2 examples: the last batch is dropped
        assertEquals(1, EpochPlan.of(standing(3, 3, 0), 258).steps());
        assertThrows(UserException.class, () -> EpochPlan.of(standing(3, 5, 0), 258));
        assertThrows(UserException.class, () -> EpochPlan.of(standing(3, 6, 0), 258));
    }

    @Test
    void rejectsDroppingTheOnlyBatch() {
        String message =
                assertThrows(UserException.class, () -> new EpochPlan(100, 256, true, 0))
                        .getMessage();
        assertEquals(
                "\"drop_last\" would drop all 100 examples. Received: \"batch_size\" 256. Use a"
                        + " smaller \"batch_size\".",
                message);
    }
}
