package org.djlresnet.evaluation;

import org.djlresnet.UserException;
import org.djlresnet.objective.ClassificationMeasurement;

/** Also counts a confusion matrix, whose memory grows with the square of the number of classes. */
final class ConfusionMeasurement extends ClassificationMeasurement {

    /** Bytes of heap for each count, as a number and as JSON. */
    private static final long BYTES = 24;

    private static final double GIB = 1 << 30;

    private final long[][] confusion;

    /**
     * @throws UserException if the heap is too small for that many classes
     */
    ConfusionMeasurement(int classes) {
        super(classes);
        requireHeap(classes, Runtime.getRuntime().maxMemory());
        confusion = new long[classes][classes];
    }

    static void requireHeap(int classes, long heap) {
        if (BYTES * classes * classes > heap) {
            throw UserException.of(
                    "The confusion matrix of %d classes needs %.1f GiB of Java's heap."
                            + " Received: a heap of %.1f GiB. Allowed: up to %d classes."
                            + " Give Java more memory, with -Xmx or, from Python,"
                            + " PY_DJL_RESNET_HEAP.",
                    classes,
                    BYTES * classes * classes / GIB,
                    heap / GIB,
                    (long) Math.sqrt((double) heap / BYTES));
        }
    }

    @Override
    protected void count(int label, int predicted) {
        confusion[label][predicted]++;
    }

    long[][] confusion() {
        return confusion;
    }
}
