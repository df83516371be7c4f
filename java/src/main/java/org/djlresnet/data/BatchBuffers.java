package org.djlresnet.data;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The memory of one batch: direct buffers in native byte order.
 *
 * @param secondLabels null unless images are mixed
 */
record BatchBuffers(ByteBuffer images, ByteBuffer labels, ByteBuffer secondLabels) {

    static BatchBuffers allocate(int imageBytes, int labelBytes, boolean mixes) {
        return new BatchBuffers(
                direct(imageBytes), direct(labelBytes), mixes ? direct(labelBytes) : null);
    }

    private static ByteBuffer direct(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }
}
