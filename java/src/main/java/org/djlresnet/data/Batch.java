package org.djlresnet.data;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.AtomicReference;
import org.djlresnet.image.ImageShape;

/**
 * Examples in buffers borrowed from the {@link BatchLoader}: float32 images and int32 labels.
 *
 * <p>{@link #close} returns the buffers to the loader, which reuses them. Arrays that share their
 * memory must not be used after that.
 */
public final class Batch implements AutoCloseable {

    private final AtomicReference<BatchBuffers> borrowed;
    private final BatchLoader owner;
    private final int count;
    private final ImageShape shape;
    private final float share;

    Batch(BatchLoader owner, BatchBuffers buffers, int count, ImageShape shape, float share) {
        this.owner = owner;
        this.borrowed = new AtomicReference<>(buffers);
        this.count = count;
        this.shape = shape;
        this.share = share;
    }

    /**
     * Returns the images.
     *
     * @return the images (N, C, H, W), float32 in native byte order, direct, from position 0 to
     *     limit N·C·H·W·4
     * @throws IllegalStateException if the batch is closed
     */
    public ByteBuffer images() {
        int bytes = (int) (count * shape.values() * Float.BYTES);
        return view(buffers().images(), bytes);
    }

    /**
     * Returns the labels.
     *
     * @return the N labels, int32 in native byte order, direct, from position 0 to limit N·4
     * @throws IllegalStateException if the batch is closed
     */
    public ByteBuffer labels() {
        return view(buffers().labels(), count * Integer.BYTES);
    }

    /**
     * Returns the labels of the images that were mixed into these images.
     *
     * @return like {@link #labels}; null unless the loader mixes images
     * @throws IllegalStateException if the batch is closed
     */
    public ByteBuffer secondLabels() {
        ByteBuffer second = buffers().secondLabels();
        return second == null ? null : view(second, count * Integer.BYTES);
    }

    /**
     * Returns the share of {@link #labels} in the images; the rest belongs to {@link
     * #secondLabels}.
     *
     * @return from 0 to 1, the same for all images of the batch; 1 without mixing
     */
    public float share() {
        return share;
    }

    /**
     * Returns the number of examples.
     *
     * @return N; the last batch of a pass may be smaller
     */
    public int count() {
        return count;
    }

    /**
     * Returns the shape of the images.
     *
     * @return N, C, H, W
     */
    public long[] shape() {
        return shape.batch(count);
    }

    /** Returns the buffers to the loader; a second call does nothing. */
    @Override
    public void close() {
        BatchBuffers buffers = borrowed.getAndSet(null);
        if (buffers != null) {
            owner.giveBack(buffers);
        }
    }

    BatchBuffers buffers() {
        BatchBuffers buffers = borrowed.get();
        if (buffers == null) {
            throw new IllegalStateException("The batch is closed.");
        }
        return buffers;
    }

    private static ByteBuffer view(ByteBuffer buffer, int bytes) {
        return buffer.duplicate().limit(bytes).order(ByteOrder.nativeOrder());
    }
}
