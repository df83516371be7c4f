package org.djlresnet.data;

import java.util.ArrayDeque;
import java.util.Deque;
import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;

/**
 * Makes batches ahead of their use: threads of its own read and prepare examples into a ring of
 * reused buffers, two more than there are threads.
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
 * <p>The number of threads changes neither the batches nor their order. One thread takes the
 * batches; any thread may close the loader. A pass has the buffers of the one before, so that
 * memory stays flat from epoch to epoch.
 */
public final class BatchLoader implements AutoCloseable {

    private final Examples examples;
    private final Preprocessing preprocessing;
    private final ImageShape shape;
    private final int batchSize;
    private final int workers;
    private final int ring;

    /** Held while a pass begins or ends; taken before this loader's own lock. */
    private final Object passes = new Object();

    private final Deque<BatchBuffers> free;
    private LoaderPass pass;
    private boolean closed;

    /**
     * Makes a loader; {@link #restart} starts its first pass.
     *
     * @param examples what to read
     * @param preprocessing what is done to the images
     * @param batchSize examples a batch, 1 or more; the last may have fewer
     * @param workers threads that read, 1 or more
     * @throws UserException if a number is out of range, the images cannot be prepared so, or a
     *     batch would not fit in 2^31-1 bytes
     */
    public BatchLoader(Examples examples, Preprocessing preprocessing, int batchSize, int workers) {
        if (batchSize < 1) {
            throw new UserException("The batch size must be 1 or more, received " + batchSize);
        }
        if (workers < 1) {
            throw new UserException(
                    "A loader needs 1 thread or more. Received: workers=" + workers);
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
     * Checks that a batch can be held.
     *
     * @param examples what is to be read
     * @param preprocessing what is done to the images
     * @param batchSize examples a batch; the number of examples counts where it is less
     * @return the shape of a batch's images
     * @throws UserException if the images cannot be prepared so, or a batch would not fit in 2^31-1
     *     bytes
     */
    public static ImageShape requireFit(
            Examples examples, Preprocessing preprocessing, int batchSize) {
        ImageShape shape = preprocessing.output(examples.shape());
        int most = Math.min(batchSize, examples.size());
        double bytes = (double) most * shape.values() * Float.BYTES;
        if (bytes > Integer.MAX_VALUE) {
            throw new UserException(
                    "A batch of %d images of %s takes %.1f GB, at most 2.1 fit; use a smaller batch or image size"
                            .formatted(most, shape, bytes / 1e9));
        }
        return shape;
    }

    /**
     * Returns the next batch, waiting for it if need be. Close it after use: when all buffers are
     * lent, this waits for ever.
     *
     * @return the batch; null at the end of the pass
     * @throws IllegalStateException if no pass was started, the loader is closed, or this thread is
     *     interrupted
     * @throws RuntimeException what a reading thread threw, in the place of its batch, and for
     *     every later call
     */
    public synchronized Batch next() {
        while (true) {
            if (closed) {
                throw new IllegalStateException("The loader is closed");
            }
            if (pass == null) {
                throw new IllegalStateException("No pass was started; call restart");
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
     * Ends the pass, wherever it is, and starts another with the same buffers.
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
                            "%d batches are still open; close them first"
                                    .formatted(ring - free.size()));
                }
                int[] own = order == null ? null : order.clone();
                pass = new LoaderPass(this, own, workers, ring);
                pass.start();
            }
        }
    }

    /** Ends the threads and lets go of the buffers; may be called at any time and twice. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            // whoever waits in next() is woken
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

    /** Returns free buffers, or null; for the holder of this loader's lock. */
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
