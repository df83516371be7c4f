package org.djlresnet.data;

import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import org.djlresnet.UserException;

/**
 * Makes batches ahead of their use: one thread of its own gathers examples into a ring of three
 * reused buffers.
 *
 * <pre>{@code
 * try (BatchLoader loader = new BatchLoader(dataset, 256, EpochOrder.of(seed, epoch, n), 0)) {
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
 * <p>One thread takes the batches; any thread may close the loader. {@link #restart} begins another
 * pass with the same buffers, so that memory stays flat from epoch to epoch.
 */
public final class BatchLoader implements AutoCloseable {

    private static final int RING = 3;

    private final ImageDataset dataset;
    private final int batchSize;
    private final int height;
    private final int width;
    private final BlockingQueue<BatchBuffers> free = new ArrayBlockingQueue<>(RING);
    // Room for every batch and an end, so that adding never blocks and no buffer is lost on the way
    // An empty one is the end of the pass: to tell of it takes no memory, which may have run out
    private final BlockingQueue<Optional<Batch>> ready = new ArrayBlockingQueue<>(RING + 2);
    private Thread thread;
    private boolean ended;
    private volatile Throwable failure;
    private volatile boolean closed;

    /**
     * Starts a pass.
     *
     * @param dataset what to read
     * @param batchSize examples a batch, 1 or more; the last may have fewer
     * @param order indices of the examples; null for all in their order
     * @param imageSize height and width of a batch's images in pixels; 0 for those of the data set
     * @throws UserException if a size is out of range or a batch would not fit in 2^31-1 bytes
     */
    public BatchLoader(ImageDataset dataset, int batchSize, int[] order, int imageSize) {
        if (batchSize < 1) {
            throw new UserException("The batch size must be 1 or more, received " + batchSize);
        }
        if (imageSize < 0) {
            throw new UserException(
                    "The image size must be 1 or more, or 0 for the images' own, received "
                            + imageSize);
        }
        this.dataset = dataset;
        height = imageSize == 0 ? dataset.height() : imageSize;
        width = imageSize == 0 ? dataset.width() : imageSize;
        int most = Math.min(batchSize, dataset.size());
        this.batchSize = most;
        int bytes = requireFit(dataset, most, imageSize);
        for (int i = 0; i < RING; i++) {
            free.add(BatchBuffers.allocate(bytes, most * Integer.BYTES));
        }
        start(order);
    }

    /**
     * Checks that a batch can be held.
     *
     * @param dataset what is to be read
     * @param batchSize examples a batch; the data set's size counts where it is less
     * @param imageSize height and width of a batch's images in pixels; 0 for those of the data set
     * @return the bytes of a batch's images
     * @throws UserException if a batch would not fit in 2^31-1 bytes
     */
    public static int requireFit(ImageDataset dataset, int batchSize, int imageSize) {
        int most = Math.min(batchSize, dataset.size());
        int height = imageSize == 0 ? dataset.height() : imageSize;
        int width = imageSize == 0 ? dataset.width() : imageSize;
        double bytes = 1.0 * most * dataset.channels() * height * width * Float.BYTES;
        if (bytes > Integer.MAX_VALUE) {
            throw new UserException(
                    "A batch of %d images of %d×%d×%d takes %.1f GB, at most 2.1 fit; use a smaller"
                                    .formatted(most, dataset.channels(), height, width, bytes / 1e9)
                            + " batch or image size");
        }
        return (int) bytes;
    }

    /**
     * The next batch, waiting for it if need be. Close it after use: when three are open, this
     * waits for ever.
     *
     * @return the batch; null at the end of the pass
     * @throws IllegalStateException if the loader is closed, or this thread is interrupted
     * @throws RuntimeException what the loading thread threw, also for every later call
     */
    public Batch next() {
        if (!ended) {
            Optional<Batch> batch = take();
            if (batch.isPresent()) {
                return batch.get();
            }
            ended = true;
        }
        if (closed) {
            throw new IllegalStateException("The loader is closed");
        }
        if (failure instanceof Error error) {
            throw error;
        }
        if (failure instanceof RuntimeException exception) {
            throw exception;
        }
        return null;
    }

    /**
     * Ends the pass, wherever it is, and starts another with the same buffers.
     *
     * @param order indices of the examples; null for all in their order
     * @throws IllegalStateException if the loader is closed or a batch is still open
     */
    public void restart(int[] order) {
        if (closed) {
            throw new IllegalStateException("The loader is closed");
        }
        stop();
        drain();
        if (free.size() < RING) {
            throw new IllegalStateException(
                    "%d batches are still open; close them first".formatted(RING - free.size()));
        }
        start(order);
    }

    /** Ends the thread and lets go of the buffers; may be called at any time and twice. */
    @Override
    public void close() {
        closed = true;
        stop();
        drain();
        free.clear();
        // Whoever waits in next() is told
        ready.offer(Optional.empty());
    }

    void giveBack(BatchBuffers buffers) {
        if (!closed) {
            free.add(buffers);
        }
    }

    private void start(int[] order) {
        int[] own = order == null ? null : order.clone();
        ended = false;
        failure = null;
        thread = new Thread(() -> load(own), "djlresnet-loader");
        thread.setDaemon(true);
        thread.start();
    }

    private void load(int[] order) {
        try {
            ExampleGatherer gatherer = new ExampleGatherer(dataset, height, width);
            int total = order == null ? dataset.size() : order.length;
            for (int start = 0; start < total; start += batchSize) {
                int count = Math.min(batchSize, total - start);
                BatchBuffers buffers = free.take();
                ByteBuffer images = buffers.images();
                gatherer.gather(
                        order,
                        start,
                        count,
                        images.asFloatBuffer(),
                        buffers.labels().asIntBuffer());
                long[] shape = {count, dataset.channels(), height, width};
                ready.add(Optional.of(new Batch(this, buffers, count, shape)));
            }
        } catch (InterruptedException e) {
            // restart() or close() wants the thread to end, and nobody takes what it made
            return;
        } catch (Throwable e) {
            failure = e;
        }
        ready.offer(Optional.empty());
    }

    private Optional<Batch> take() {
        try {
            return ready.take();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("Interrupted while waiting for a batch", e);
        }
    }

    private synchronized void stop() {
        thread.interrupt();
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                // The thread ends soon; leaving it alive would be the worse answer
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void drain() {
        for (Optional<Batch> batch = ready.poll(); batch != null; batch = ready.poll()) {
            batch.ifPresent(Batch::close);
        }
    }
}
