package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SelectionTest {

    private static EpochRow row(int epoch, double testAccuracy) {
        return Rows.row(epoch, 1, testAccuracy);
    }

    private static int waited(double minDelta, double... accuracies) {
        List<EpochRow> rows = new ArrayList<>();
        for (double accuracy : accuracies) {
            rows.add(row(rows.size() + 1, accuracy));
        }
        return Rows.ACCURACY.waited(rows, minDelta);
    }

    @Test
    void smallGainsAddUp() {
        // as in Keras's EarlyStopping, a gain is measured from the last improvement
        assertEquals(0, waited(0.03));
        assertEquals(0, waited(0.03, 0.5));
        assertEquals(1, waited(0.03, 0.5, 0.52));
        assertEquals(0, waited(0.03, 0.5, 0.52, 0.54));
        assertEquals(1, waited(0.03, 0.5, 0.52, 0.54, 0.56));
        assertEquals(0, waited(0.03, 0.5, 0.52, 0.54, 0.56, 0.58));
        assertEquals(3, waited(0, 0.5, 0.4, 0.5, 0.49));
    }

    @Test
    void bestIsBetterThanAllBefore() {
        assertTrue(Rows.ACCURACY.isBest(row(1, 0), List.of()));
        List<EpochRow> earlier = List.of(row(1, 0.5), row(2, 0.8), row(3, 0.6));
        assertTrue(Rows.ACCURACY.isBest(row(4, 0.81), earlier));
        assertFalse(Rows.ACCURACY.isBest(row(4, 0.8), earlier));
        assertFalse(Rows.ACCURACY.isBest(row(4, 0.7), earlier));
        assertFalse(Rows.ACCURACY.isBest(row(4, 0.55), earlier));
        assertEquals(2, Rows.ACCURACY.best(earlier).epoch());
        assertNull(Rows.ACCURACY.best(List.of()));
    }

    @Test
    void lowestLossIsBest() {
        List<EpochRow> rows =
                List.of(Rows.row(1, 0.9, 0.9), Rows.row(2, 0.5, 0.1), Rows.row(3, 0.48, 0.2));
        assertEquals(3, Rows.LOSS.best(rows).epoch());
        assertTrue(Rows.LOSS.isBest(rows.get(1), rows.subList(0, 1)));
        assertFalse(Rows.LOSS.isBest(Rows.row(4, 0.48, 1), rows));
        assertEquals(0, Rows.LOSS.waited(rows, 0));
        assertEquals(1, Rows.LOSS.waited(rows, 0.05));
    }
}
