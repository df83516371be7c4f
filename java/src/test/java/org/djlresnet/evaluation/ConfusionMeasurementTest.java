package org.djlresnet.evaluation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import org.djlresnet.UserException;
import org.djlresnet.objective.Classification;
import org.djlresnet.objective.Measurement;
import org.djlresnet.objective.Minibatch;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class ConfusionMeasurementTest {

    @Test
    @Tag("engine")
    void countsPredictionsByTrueClass() {
        ConfusionMeasurement measurement = new ConfusionMeasurement(2);
        try (NDManager manager = NDManager.newBaseManager()) {
            NDArray logits = manager.create(new float[] {3, 0, 1, 1, 0, 3}, new Shape(3, 2));
            NDArray images = manager.ones(new Shape(3, 1, 1, 1));
            Minibatch batch = new Minibatch(images, manager.create(new int[] {0, 1, 0}));
            measurement.add(new NDList(logits), batch);
            measurement.add(new NDList(logits), batch);
        }
        // of equal logits the first class is predicted
        assertArrayEquals(new long[][] {{2, 2}, {2, 0}}, measurement.confusion());
    }

    @Test
    void rejectsMoreClassesThanTheHeapCanHold() {
        long heap = 4L << 30;
        assertDoesNotThrow(() -> ConfusionMeasurement.requireHeap(13_377, heap));
        assertEquals(
                "The confusion matrix of 30000 classes needs 20.1 GiB of Java's heap. Received: a"
                        + " heap of 4.0 GiB. Allowed: up to 13377 classes. Give Java more memory,"
                        + " with -Xmx or, from Python, PY_DJL_RESNET_HEAP.",
                assertThrows(
                                UserException.class,
                                () -> ConfusionMeasurement.requireHeap(30_000, heap))
                        .getMessage());
        assertThrows(UserException.class, () -> new ConfusionMeasurement(100_000));
    }

    @Test
    void trainingMeasuresManyClassesInLittleMemory() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        Measurement measurement = new Classification(100_000).measurement();
        assertTrue(threads.getCurrentThreadAllocatedBytes() - before < 1 << 20);
        assertEquals(0, measurement.examples());
    }
}
