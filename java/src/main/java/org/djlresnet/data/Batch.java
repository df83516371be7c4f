package org.djlresnet.data;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.AtomicReference;
import org.djlresnet.image.ImageShape;

/**
 * Some examples in buffers that the {@link BatchLoader} lends: float32 images and int32 labels.
 *
 * <p>{@link #close} gives the buffers back, and they are then filled again: whatever aliases them
 * must be done by then.
 */
public final class Batch implements AutoCloseable {

    private final AtomicReference<BatchBuffers> lent;
    private final BatchLoader owner;
    private final int count;
    private final ImageShape shape;

    Batch(BatchLoader owner, BatchBuffers buffers, int count, ImageShape shape) {
        this.owner = owner;
        this.lent = new AtomicReference<>(buffers);
        this.count = count;
        this.shape = shape;
    }

    /**
     * @return the images (N, C, H, W), float32 in the machine's byte order, direct, from position 0
     *     to limit N·C·H·W·4
     * @throws IllegalStateException if the batch is closed
     */
    public ByteBuffer images() {
        int bytes = (int) (count * shape.values() * Float.BYTES);
        return view(buffers().images(), bytes);
    }

    /**
     * @return the N labels, int32 in the machine's byte order, direct, from position 0 to limit N·4
     * @throws IllegalStateException if the batch is closed
     */
    public ByteBuffer labels() {
        return view(buffers().labels(), count * Integer.BYTES);
    }

    /**
     * @return number of examples N; the last batch of a pass may have fewer than the others
     */
    public int count() {
        return count;
    }

    /**
     * @return N, C, H, W
     */
    public long[] shape() {
        return shape.batch(count);
    }

    /** Gives the buffers back to the loader; a second call does nothing. */
    @Override
    public void close() {
        BatchBuffers buffers = lent.getAndSet(null);
        if (buffers != null) {
            owner.giveBack(buffers);
        }
    }

    BatchBuffers buffers() {
        BatchBuffers buffers = lent.get();
        if (buffers == null) {
            throw new IllegalStateException("The batch is closed; its buffers hold other examples");
        }
        return buffers;
    }

    private static ByteBuffer view(ByteBuffer buffer, int bytes) {
        return buffer.duplicate().limit(bytes).order(ByteOrder.nativeOrder());
    }
}
