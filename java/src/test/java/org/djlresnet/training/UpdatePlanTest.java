package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class UpdatePlanTest {

    @Test
    void updatesEndWithTheirLastBatchAndWithTheEpoch() {
        // batches of 8, 8, 8, 8 and 4 examples, of which two, two and one share an update
        UpdatePlan plan = new UpdatePlan(5, 36, 8, 2);
        assertEquals(3, plan.perEpoch());
        long[] updates = IntStream.range(0, 7).mapToLong(plan::update).toArray();
        assertEquals("0 0 1 1 2 3 3", join(updates));
        long[] examples = IntStream.range(0, 7).mapToLong(plan::examples).toArray();
        assertEquals("16 16 16 16 4 16 16", join(examples));
        long[] ends = IntStream.range(0, 7).mapToLong(step -> plan.ends(step) ? 1 : 0).toArray();
        assertEquals("0 1 0 1 1 0 1", join(ends));
    }

    @Test
    void withoutAccumulationEachStepIsAnUpdate() {
        UpdatePlan plan = new UpdatePlan(5, 36, 8, 1);
        for (int step = 0; step < 12; step++) {
            assertEquals(step, plan.update(step));
            assertEquals(true, plan.ends(step));
        }
    }

    private static String join(long[] numbers) {
        return String.join(
                " ", IntStream.range(0, numbers.length).mapToObj(i -> "" + numbers[i]).toList());
    }
}
