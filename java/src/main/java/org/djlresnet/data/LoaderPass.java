package org.djlresnet.data;

import java.nio.FloatBuffer;
import java.nio.IntBuffer;

/**
 * One pass of a {@link BatchLoader}: its threads, and the batches that are ready.
 *
 * <p>A thread takes free buffers first and the number of the next batch at the same moment. So a
 * batch with a number has its buffers and is finished whatever the others do, and no more batches
 * are under way or ready than there are buffers: batch k and batch k + ring never are at once. All
 * fields are guarded by the loader's lock but {@code ended}.
 */
final class LoaderPass {

    private final BatchLoader loader;
    private final int[] order;
    private final int total;
    private final int batches;
    private final Thread[] threads;

    // places by a batch's number modulo the ring: to report a failure takes no memory, which may
    // have run out
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

    /** Returns whether all batches were taken; for the holder of the loader's lock. */
    boolean isOver() {
        return taken == batches;
    }

    /**
     * Returns the next batch if it is ready, else null; for the holder of the loader's lock.
     *
     * @throws RuntimeException what was thrown in its place
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

    /** Ends the threads, and gives back the buffers of batches that were not taken. */
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
                    // the thread ends soon; leaving it alive would be the worse answer
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

    /** Returns free buffers, or null when no batch is left to make. */
    private BatchBuffers awaitBuffers() {
        while (!ended && !failed && claimed < batches) {
            BatchBuffers buffers = loader.takeFree();
            if (buffers != null) {
                return buffers;
            }
            try {
                loader.wait();
            } catch (InterruptedException e) {
                // a notebook interrupts all threads of a cell; what ends this one is end()
                continue;
            }
        }
        return null;
    }

    /** Returns the batch of a number, or null if the pass was ended meanwhile. */
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
