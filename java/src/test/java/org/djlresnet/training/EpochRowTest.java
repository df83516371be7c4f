package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class EpochRowTest {

    private static EpochRow row(int epoch, double testAccuracy) {
        return new EpochRow(epoch, epoch, 1, 1, 1, 0.1, 1, 0.5, 1, testAccuracy);
    }

    @Test
    void theBestIsBetterThanAllAndNotThanTheLastAlone() {
        assertTrue(row(1, 0).isBetterThanAll(List.of()));
        List<EpochRow> earlier = List.of(row(1, 0.5), row(2, 0.8), row(3, 0.6));
        assertTrue(row(4, 0.81).isBetterThanAll(earlier));
        assertFalse(row(4, 0.8).isBetterThanAll(earlier));
        assertFalse(row(4, 0.7).isBetterThanAll(earlier));
        assertFalse(row(4, 0.55).isBetterThanAll(earlier));
    }
}
