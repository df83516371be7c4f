package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class EpochRowTest {

    private static EpochRow row(int epoch, double testAccuracy) {
        return new EpochRow(epoch, epoch, 1, 1, 1, 0.1, 1, 0.5, 1, testAccuracy);
    }

    private static int waited(double minDelta, double... accuracies) {
        List<EpochRow> rows = new ArrayList<>();
        for (double accuracy : accuracies) {
            rows.add(row(rows.size() + 1, accuracy));
        }
        return EpochRow.waited(rows, minDelta);
    }

    @Test
    void smallGainsAddUpToOneThatIsNew() {
        // as Keras's EarlyStopping: a gain is held against the last accuracy that was new
        assertEquals(0, waited(0.03));
        assertEquals(0, waited(0.03, 0.5));
        assertEquals(1, waited(0.03, 0.5, 0.52));
        assertEquals(0, waited(0.03, 0.5, 0.52, 0.54));
        assertEquals(1, waited(0.03, 0.5, 0.52, 0.54, 0.56));
        assertEquals(0, waited(0.03, 0.5, 0.52, 0.54, 0.56, 0.58));
        assertEquals(3, waited(0, 0.5, 0.4, 0.5, 0.49));
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
