package org.djlresnet.data;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;

/**
 * Prefetches batches: worker threads read and prepare examples into a ring of reused buffers, two
 * more than there are workers.
 *
 * <pre>{@code
 * try (BatchLoader loader = new BatchLoader(examples, preprocessing, 256, 1)) {
 *     loader.restart(EpochOrder.of(seed, epoch, n));
 *     for (boolean more = true; more; ) {
 *         try (Batch batch = loader.next()) {
 *             more = batch != null;
 *             if (more) {
 *                 // use batch.images() and batch.labels()
 *             }
 *         }
 *     }
 * }
 * }</pre>
 *
 * <p>The number of workers changes neither the batches nor their order. One thread takes the
 * batches; any thread may close the loader. Each pass reuses the buffers of the previous one, so
 * memory use stays constant over epochs.
 */
public final class BatchLoader implements AutoCloseable {

    private final Examples examples;
    private final Preprocessing preprocessing;
    private final ImageShape shape;
    private final int batchSize;
    private final int workers;
    private final int ring;

    /** Held while a pass starts or ends; acquired before this loader's own lock. */
    private final Object passes = new Object();

    private final Deque<BatchBuffers> free;
    private LoaderPass pass;
    private boolean closed;

    /**
     * Creates a loader; {@link #restart} starts its first pass.
     *
     * @param examples the examples to read
     * @param preprocessing how images are prepared
     * @param batchSize the number of examples in a batch, 1 or more; the last may be smaller
     * @param workers the number of worker threads, 1 or more
     * @throws UserException if a number is out of range, the images do not suit the preprocessing,
     *     or a batch takes more than 2^31-1 bytes
     */
    public BatchLoader(Examples examples, Preprocessing preprocessing, int batchSize, int workers) {
        if (batchSize < 1) {
            throw new UserException(
                    "The batch size must be at least 1. Received: " + batchSize + ".");
        }
        if (workers < 1) {
            throw new UserException("A loader needs at least 1 worker. Received: " + workers + ".");
        }
        this.examples = examples;
        this.preprocessing = preprocessing;
        this.workers = workers;
        this.batchSize = Math.min(batchSize, examples.size());
        shape = requireFit(examples, preprocessing, batchSize);
        ring = workers + 2;
        free = new ArrayDeque<>(ring);
        int imageBytes = (int) (this.batchSize * shape.values() * Float.BYTES);
        for (int i = 0; i < ring; i++) {
            free.add(BatchBuffers.allocate(imageBytes, this.batchSize * Integer.BYTES));
        }
    }

    /**
     * Checks that a batch fits in a buffer.
     *
     * @param examples the examples to read
     * @param preprocessing how images are prepared
     * @param batchSize the number of examples in a batch; all examples if there are fewer
     * @return the shape of a prepared image
     * @throws UserException if the images do not suit the preprocessing, or a batch takes more than
     *     2^31-1 bytes
     */
    public static ImageShape requireFit(
            Examples examples, Preprocessing preprocessing, int batchSize) {
        ImageShape shape = preprocessing.output(examples.shape());
        int most = Math.min(batchSize, examples.size());
        double bytes = (double) most * shape.values() * Float.BYTES;
        if (bytes > Integer.MAX_VALUE) {
            throw new UserException(
                    String.format(
                            Locale.ROOT,
                            "A batch of %d images of %s is too large. Received: %.1f GB. Allowed: 2.1 GB. Use smaller batches or images.",
                            most,
                            shape,
                            bytes / 1e9));
        }
        return shape;
    }

    /**
     * Returns the next batch, waiting for it if necessary. Close it after use: while all buffers
     * are borrowed, this method blocks.
     *
     * @return the batch; null at the end of the pass
     * @throws IllegalStateException if no pass was started, the loader is closed, or this thread is
     *     interrupted
     * @throws RuntimeException if a worker failed on this batch; every later call throws it again
     */
    public synchronized Batch next() {
        while (true) {
            if (closed) {
                throw new IllegalStateException("The loader is closed");
            }
            if (pass == null) {
                throw new IllegalStateException("No pass was started. Call restart.");
            }
            if (pass.isOver()) {
                return null;
            }
            Batch batch = pass.take();
            if (batch != null) {
                return batch;
            }
            try {
                wait();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("Interrupted while waiting for a batch", e);
            }
        }
    }

    /**
     * Ends the current pass at any point, and starts another.
     *
     * @param order indices of the examples; null for all in their order
     * @throws IllegalStateException if the loader is closed or a batch is still open
     */
    public void restart(int[] order) {
        synchronized (passes) {
            endPass();
            synchronized (this) {
                if (closed) {
                    throw new IllegalStateException("The loader is closed");
                }
                if (free.size() < ring) {
                    throw new IllegalStateException(
                            String.format(
                                    Locale.ROOT,
                                    "%d batches are still open. Close them first.",
                                    ring - free.size()));
                }
                int[] own = order == null ? null : order.clone();
                pass = new LoaderPass(this, own, workers, ring);
                pass.start();
            }
        }
    }

    /** Ends the workers and releases the buffers; may be called at any time and more than once. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            // wakes a thread waiting in next()
            notifyAll();
        }
        synchronized (passes) {
            endPass();
            synchronized (this) {
                free.clear();
            }
        }
    }

    private void endPass() {
        LoaderPass ending;
        synchronized (this) {
            ending = pass;
            pass = null;
        }
        if (ending != null) {
            ending.end();
        }
    }

    synchronized void giveBack(BatchBuffers buffers) {
        if (!closed) {
            free.add(buffers);
            notifyAll();
        }
    }

    /** Returns free buffers, or null; the caller holds this loader's lock. */
    BatchBuffers takeFree() {
        return free.poll();
    }

    Examples examples() {
        return examples;
    }

    int batchSize() {
        return batchSize;
    }

    ImageShape shape() {
        return shape;
    }

    BatchFiller newFiller() {
        return new BatchFiller(examples, preprocessing, shape);
    }
}
