package org.djlresnet.data;

import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.util.ArrayDeque;
import java.util.Queue;
import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.Preprocessor;
import org.djlresnet.image.RawImage;

/**
 * Prefetches batches: a thread reads and prepares examples into a ring of reused buffers.
 *
 * <pre>{@code
 * try (BatchLoader loader = new BatchLoader(examples, preprocessing, 256)) {
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
 * <p>One thread takes the batches and closes the loader. Each pass reuses the buffers of the
 * previous one, so memory use stays constant over epochs.
 */
public final class BatchLoader implements AutoCloseable {

    /** One batch in use, one ready, and one being filled. */
    private static final int RING = 3;

    private final Examples examples;
    private final Preprocessing preprocessing;
    private final Augmenter augmenter;
    private final ImageShape shape;
    private final int batchSize;
    private final Queue<BatchBuffers> free = new ArrayDeque<>();
    private Pass pass;
    private boolean closed;

    /**
     * Creates a loader; {@link #restart} starts its first pass.
     *
     * @param examples the examples to read
     * @param preprocessing how images are prepared
     * @param batchSize the number of examples in a batch, 1 or more; the last may be smaller
     * @throws UserException if the batch size is below 1, the images do not suit the preprocessing,
     *     or a batch takes more than 2^31-1 bytes
     */
    public BatchLoader(Examples examples, Preprocessing preprocessing, int batchSize) {
        this(examples, preprocessing, batchSize, null);
    }

    /**
     * Creates a loader that augments images.
     *
     * @param examples the examples to read
     * @param preprocessing how images are prepared
     * @param batchSize the number of examples in a batch, 1 or more; the last may be smaller
     * @param augmenter resizes and crops images as the preprocessing says, and changes them at
     *     random; null for none. Only this loader may use it.
     * @throws UserException if the batch size is below 1, the images do not suit the preprocessing,
     *     or a batch takes more than 2^31-1 bytes
     */
    public BatchLoader(
            Examples examples, Preprocessing preprocessing, int batchSize, Augmenter augmenter) {
        if (batchSize < 1) {
            throw new UserException(
                    "The batch size must be at least 1. Received: " + batchSize + ".");
        }
        this.examples = examples;
        this.preprocessing = preprocessing;
        this.augmenter = augmenter;
        this.batchSize = Math.min(batchSize, examples.size());
        shape = requireFit(examples, preprocessing, batchSize);
        int imageBytes = (int) (this.batchSize * shape.values() * Float.BYTES);
        for (int i = 0; i < RING; i++) {
            free.add(
                    BatchBuffers.allocate(
                            imageBytes,
                            this.batchSize * Integer.BYTES,
                            augmenter != null && augmenter.mixes()));
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
            throw UserException.of(
                    "A batch of %d images of %s is too large. Received: %.1f GB. Allowed: 2.1 GB."
                            + " Use smaller batches or images.",
                    most, shape, bytes / 1e9);
        }
        return shape;
    }

    /**
     * Returns the next batch, waiting for it if necessary. Close it after use: while all buffers
     * are borrowed, this method blocks.
     *
     * @return the batch; null at the end of the pass
     * @throws IllegalStateException if no pass was started, or this thread is interrupted
     * @throws RuntimeException if reading this batch failed; every later call throws it again
     */
    public synchronized Batch next() {
        if (pass == null) {
            throw new IllegalStateException("No pass was started. Call restart.");
        }
        try {
            while (pass.ready.isEmpty() && !pass.over) {
                wait();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("Interrupted while waiting for a batch", e);
        }
        if (!pass.ready.isEmpty()) {
            return pass.ready.poll();
        }
        if (pass.failure instanceof Error error) {
            throw error;
        }
        if (pass.failure instanceof RuntimeException exception) {
            throw exception;
        }
        return null;
    }

    /**
     * Ends the current pass at any point, and starts another.
     *
     * @param order indices of the examples; null for all in their order
     * @throws IllegalStateException if the loader is closed or a batch is still open
     */
    public void restart(int[] order) {
        restart(order, 0);
    }

    /**
     * Ends the current pass at any point, and starts another.
     *
     * @param order indices of the examples; null for all in their order
     * @param epoch the number of completed epochs, from which the augmenter draws
     * @throws IllegalStateException if the loader is closed or a batch is still open
     */
    public void restart(int[] order, int epoch) {
        endPass();
        if (closed || free.size() < RING) {
            throw new IllegalStateException(
                    closed ? "The loader is closed" : "A batch is still open. Close it first.");
        }
        pass = new Pass(order == null ? null : order.clone(), epoch);
        pass.thread.start();
    }

    /** Ends the thread and releases the buffers; may be called more than once. */
    @Override
    public void close() {
        endPass();
        closed = true;
        free.clear();
    }

    private void endPass() {
        if (pass != null) {
            pass.end();
            pass = null;
        }
    }

    synchronized void giveBack(BatchBuffers buffers) {
        free.add(buffers);
        notifyAll();
    }

    /** One pass over the examples. All fields that change are guarded by the loader's lock. */
    private final class Pass {

        private final int[] order;
        private final int epoch;
        private final int total;
        private final Thread thread = new Thread(this::work, "djlresnet-loader");
        private final Queue<Batch> ready = new ArrayDeque<>();
        private Throwable failure;
        private boolean over;
        private volatile boolean ended;

        Pass(int[] order, int epoch) {
            this.order = order;
            this.epoch = epoch;
            total = order == null ? examples.size() : order.length;
            thread.setDaemon(true);
        }

        private void work() {
            Throwable thrown = null;
            try {
                fillAll();
            } catch (RuntimeException | Error failed) {
                thrown = failed;
            }
            synchronized (BatchLoader.this) {
                failure = thrown;
                over = true;
                BatchLoader.this.notifyAll();
            }
        }

        private void fillAll() {
            boolean augments = augmenter != null && augmenter.changesImages();
            Preprocessor preprocessor =
                    new Preprocessor(augments ? preprocessing.normalization() : preprocessing);
            RawImage raw = new RawImage();
            float[] pixels = new float[(int) shape.values()];
            int begin = 0;
            while (begin < total) {
                BatchBuffers buffers = awaitBuffers();
                if (buffers == null) {
                    return;
                }
                int count = Math.min(batchSize, total - begin);
                boolean filled = false;
                float share = 1;
                try {
                    FloatBuffer images = buffers.images().asFloatBuffer();
                    IntBuffer labels = buffers.labels().asIntBuffer();
                    for (int i = 0; i < count && !ended; i++) {
                        int example = example(begin + i);
                        examples.read(example, raw);
                        if (augments) {
                            augmenter.apply(raw, epoch, example);
                        }
                        requireShape(example, preprocessor.output(raw.shape()));
                        preprocessor.apply(raw, pixels, 0);
                        images.put(i * pixels.length, pixels);
                        labels.put(i, examples.label(example));
                    }
                    if (buffers.secondLabels() != null) {
                        share = augmenter.mix(images, shape, count, epoch, example(begin));
                        IntBuffer second = buffers.secondLabels().asIntBuffer();
                        for (int i = 0; i < count; i++) {
                            second.put(i, labels.get((i + 1) % count));
                        }
                    }
                    filled = true;
                } finally {
                    if (!filled) {
                        giveBack(buffers);
                    }
                }
                synchronized (BatchLoader.this) {
                    ready.add(new Batch(BatchLoader.this, buffers, count, shape, share));
                    BatchLoader.this.notifyAll();
                }
                begin += count;
            }
        }

        private int example(int position) {
            int example = order == null ? position : order[position];
            if (example < 0 || example >= examples.size()) {
                throw new IndexOutOfBoundsException(
                        "order[" + position + "] is out of range. Received: " + example + ".");
            }
            return example;
        }

        private void requireShape(int example, ImageShape out) {
            if (!out.equals(shape)) {
                throw UserException.of(
                        "Example %d differs in shape after preprocessing. Received: %s."
                                + " Allowed: %s, like the others.",
                        example, out, shape);
            }
        }

        /** Returns free buffers, or null if the pass has ended. */
        private BatchBuffers awaitBuffers() {
            synchronized (BatchLoader.this) {
                while (!ended && free.isEmpty()) {
                    try {
                        BatchLoader.this.wait();
                    } catch (InterruptedException e) {
                        // a notebook interrupts all threads of a cell; only end() ends this one
                        continue;
                    }
                }
                return ended ? null : free.poll();
            }
        }

        /** Stops the thread, and returns the buffers of unused batches. */
        void end() {
            ended = true;
            synchronized (BatchLoader.this) {
                BatchLoader.this.notifyAll();
            }
            boolean interrupted = false;
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    // keep waiting: the thread ends soon, and must not outlive the pass
                    interrupted = true;
                }
            }
            ready.forEach(Batch::close);
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
