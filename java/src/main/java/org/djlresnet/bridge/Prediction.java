package org.djlresnet.bridge;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.djlresnet.UserException;
import org.djlresnet.augment.TestViews;
import org.djlresnet.engine.Precision;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.Preprocessor;
import org.djlresnet.image.RawImage;
import org.djlresnet.model.TensorBytes;

/** Computes logits of images from Python, which are prepared one by one and batched. */
final class Prediction {

    /** Uses all cores, but leaves memory for large images. */
    private static final int BATCH = 16;

    private final NetworkHandle network;
    private final Preprocessor preprocessor;
    private final PixelType type;
    private final TestViews views;
    private final Precision precision;
    private final RawImage raw = new RawImage();

    Prediction(
            NetworkHandle network,
            Preprocessing preprocessing,
            PixelType type,
            TestViews views,
            Precision precision) {
        this.network = network;
        this.type = type;
        this.views = views;
        this.precision = precision;
        preprocessor = new Preprocessor(preprocessing);
    }

    /** See {@link NetworkHandle#predict}. */
    ByteBuffer logits(ByteBuffer[] images, long[][] shapes) {
        ImageShape[] given = new ImageShape[images.length];
        for (int i = 0; i < images.length; i++) {
            long[] shape = shapes[i];
            given[i] = new ImageShape((int) shape[0], (int) shape[1], (int) shape[2]);
        }
        int classes = network.network().specification().output().size();
        ByteBuffer logits = TensorBytes.allocate(Math.multiplyExact(images.length, classes));
        for (int begin = 0; begin < images.length; ) {
            int end = begin + 1;
            ImageShape out = preprocessor.output(given[begin]);
            while (end < images.length
                    && end < begin + BATCH
                    && preprocessor.output(given[end]).equals(out)) {
                end++;
            }
            logits.put(batch(images, given, begin, end, out));
            begin = end;
        }
        return logits.flip();
    }

    private ByteBuffer batch(
            ByteBuffer[] images, ImageShape[] given, int begin, int end, ImageShape out) {
        long values = (end - begin) * out.values();
        if (values > Integer.MAX_VALUE / Float.BYTES) {
            throw new UserException(
                    "Images of %s are too large for the network. Use a preprocessing with a smaller size."
                            .formatted(out));
        }
        ByteBuffer batch = TensorBytes.allocate((int) values);
        float[] prepared = new float[(int) out.values()];
        for (int i = begin; i < end; i++) {
            copy(images[i], given[i]);
            preprocessor.apply(raw, prepared, 0);
            batch.asFloatBuffer().put((i - begin) * prepared.length, prepared);
        }
        return network.forward(batch, out.batch(end - begin), precision, views);
    }

    private void copy(ByteBuffer image, ImageShape shape) {
        ByteBuffer pixels = image.slice().order(ByteOrder.nativeOrder());
        if (type == PixelType.UINT8) {
            pixels.get(raw.holdBytes(shape), 0, pixels.remaining());
        } else {
            pixels.asFloatBuffer().get(raw.holdFloats(shape), 0, pixels.remaining() / Float.BYTES);
        }
    }
}
