package org.djlresnet.data;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The memory of one batch: direct buffers in native byte order. */
record BatchBuffers(ByteBuffer images, ByteBuffer labels) {

    static BatchBuffers allocate(int imageBytes, int labelBytes) {
        return new BatchBuffers(
                ByteBuffer.allocateDirect(imageBytes).order(ByteOrder.nativeOrder()),
                ByteBuffer.allocateDirect(labelBytes).order(ByteOrder.nativeOrder()));
    }
}
