package org.djlresnet.data;

import java.nio.FloatBuffer;
import java.nio.IntBuffer;

/**
 * One pass of a {@link BatchLoader}: its worker threads and the batches that are ready.
 *
 * <p>A worker claims free buffers and the number of the next batch together. So every claimed batch
 * has buffers and will be finished, and there are never more batches in progress or ready than
 * buffers: batches k and k + ring never exist at the same time. All fields except {@code ended} are
 * guarded by the loader's lock.
 */
final class LoaderPass {

    private final BatchLoader loader;
    private final int[] order;
    private final int total;
    private final int batches;
    private final Thread[] threads;

    // indexed by batch number modulo ring; allocated here so that a failure can be reported even
    // when memory has run out
    private final Batch[] ready;
    private final Throwable[] failures;

    private int claimed;
    private int taken;
    private boolean failed;
    private volatile boolean ended;

    LoaderPass(BatchLoader loader, int[] order, int workers, int ring) {
        this.loader = loader;
        this.order = order;
        total = order == null ? loader.examples().size() : order.length;
        batches = (int) (((long) total + loader.batchSize() - 1) / loader.batchSize());
        ready = new Batch[ring];
        failures = new Throwable[ring];
        threads = new Thread[workers];
        for (int i = 0; i < workers; i++) {
            threads[i] = new Thread(this::work, "djlresnet-loader-" + (i + 1));
            threads[i].setDaemon(true);
        }
    }

    void start() {
        for (Thread thread : threads) {
            thread.start();
        }
    }

    /** Returns whether all batches were taken; the caller holds the loader's lock. */
    boolean isOver() {
        return taken == batches;
    }

    /**
     * Returns the next batch if it is ready, else null; the caller holds the loader's lock.
     *
     * @throws RuntimeException if a worker failed on it
     */
    Batch take() {
        int place = taken % ready.length;
        if (failures[place] instanceof Error error) {
            throw error;
        }
        if (failures[place] instanceof RuntimeException exception) {
            throw exception;
        }
        Batch batch = ready[place];
        if (batch != null) {
            ready[place] = null;
            taken++;
        }
        return batch;
    }

    /** Stops the workers, and returns the buffers of unused batches. */
    void end() {
        ended = true;
        synchronized (loader) {
            loader.notifyAll();
        }
        boolean interrupted = false;
        for (Thread thread : threads) {
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    // keep waiting: the worker ends soon, and must not outlive the pass
                    interrupted = true;
                }
            }
        }
        for (Batch batch : ready) {
            if (batch != null) {
                batch.close();
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void work() {
        BatchFiller filler = null;
        while (true) {
            BatchBuffers buffers;
            int number;
            synchronized (loader) {
                buffers = awaitBuffers();
                if (buffers == null) {
                    return;
                }
                number = claimed++;
            }
            Batch batch = null;
            Throwable failure = null;
            try {
                filler = filler == null ? loader.newFiller() : filler;
                batch = fill(filler, number, buffers);
            } catch (RuntimeException | Error thrown) {
                failure = thrown;
            }
            synchronized (loader) {
                ready[number % ready.length] = batch;
                failures[number % ready.length] = failure;
                failed |= failure != null;
                if (batch == null) {
                    loader.giveBack(buffers);
                }
                loader.notifyAll();
            }
        }
    }

    /** Returns free buffers, or null if no batch is left. */
    private BatchBuffers awaitBuffers() {
        while (!ended && !failed && claimed < batches) {
            BatchBuffers buffers = loader.takeFree();
            if (buffers != null) {
                return buffers;
            }
            try {
                loader.wait();
            } catch (InterruptedException e) {
                // a notebook interrupts all threads of a cell; only end() ends this one
                continue;
            }
        }
        return null;
    }

    /** Fills a batch; returns null if the pass has ended. */
    private Batch fill(BatchFiller filler, int number, BatchBuffers buffers) {
        int begin = number * loader.batchSize();
        int count = Math.min(loader.batchSize(), total - begin);
        FloatBuffer images = buffers.images().asFloatBuffer();
        IntBuffer labels = buffers.labels().asIntBuffer();
        for (int i = 0; i < count; i++) {
            if (ended) {
                return null;
            }
            filler.read(order, begin + i, i, images, labels);
        }
        return new Batch(loader, buffers, count, loader.shape());
    }
}
