package org.djlresnet.data;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.dataset.BatchSampler;
import ai.djl.training.dataset.RandomAccessDataset;
import ai.djl.training.dataset.Record;
import ai.djl.training.dataset.SequenceSampler;
import ai.djl.translate.TranslateException;
import ai.djl.util.Progress;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.Preprocessor;
import org.djlresnet.image.RawImage;

/** Converts DJL's datasets to examples and back. */
public final class DjlDatasets {

    private static final int BATCH = 256;

    private DjlDatasets() {}

    /**
     * Reads a DJL dataset into memory, in order and with its transforms.
     *
     * @param dataset the dataset; after its transforms, images are uint8 (C, H, W), which training
     *     scales to [0, 1], or float32 (C, H, W), which it uses unchanged, all of one size; labels
     *     are one number per image
     * @param classNames a name for each class, or null to number the classes
     * @return the examples
     * @throws UserException if images or labels have another form
     * @throws IOException if the dataset cannot be read
     * @throws TranslateException if a transform fails
     */
    public static ImageDataset read(RandomAccessDataset dataset, List<String> classNames)
            throws IOException, TranslateException {
        dataset.prepare();
        int size = Math.toIntExact(dataset.size());
        int[] labels = new int[size];
        ByteBuffer pixels = null;
        PixelType type = null;
        long[] shape = null;
        int done = 0;
        try (NDManager manager = NDManager.newBaseManager()) {
            BatchSampler inOrder = new BatchSampler(new SequenceSampler(), BATCH, false);
            for (ai.djl.training.dataset.Batch batch : dataset.getData(manager, inOrder)) {
                try (batch) {
                    NDArray images = batch.getData().singletonOrThrow();
                    if (pixels == null) {
                        type = type(images);
                        shape = images.getShape().getShape().clone();
                        shape[0] = size;
                        long bytes = new Shape(shape).size() * type.bytes();
                        pixels =
                                ByteBuffer.allocateDirect(Math.toIntExact(bytes))
                                        .order(ByteOrder.nativeOrder());
                    }
                    put(images, type, pixels);
                    long[] values = labels(batch.getLabels().singletonOrThrow(), batch.getSize());
                    for (long label : values) {
                        labels[done++] = Math.toIntExact(label);
                    }
                }
            }
        }
        if (pixels == null) {
            throw new UserException("The dataset is empty. Give it at least one image.");
        }
        return ImageDataset.of(
                pixels.flip(),
                type,
                shape,
                labels,
                classNames == null ? numbers(labels) : classNames);
    }

    private static PixelType type(NDArray images) {
        Shape shape = images.getShape();
        DataType type = images.getDataType();
        boolean channelsLast =
                shape.dimension() == 4 && shape.get(3) <= 4 && shape.get(1) > 4 && shape.get(2) > 4;
        boolean taken = type == DataType.UINT8 || type == DataType.FLOAT32;
        if (shape.dimension() != 4 || channelsLast || !taken) {
            throw UserException.of(
                    "A DJL dataset's images must be (C, H, W), uint8 or float32. Received: %s"
                            + " %s. Add the transform ai.djl.modality.cv.transform.ToTensor,"
                            + " which takes (H, W, C) with values from 0 to 255.",
                    type, shape.slice(1));
        }
        return type == DataType.UINT8 ? PixelType.UINT8 : PixelType.FLOAT32;
    }

    private static void put(NDArray images, PixelType type, ByteBuffer pixels) {
        if (type == PixelType.UINT8) {
            pixels.put(images.toByteArray());
        } else {
            float[] values = images.toFloatArray();
            pixels.asFloatBuffer().put(values);
            pixels.position(pixels.position() + values.length * Float.BYTES);
        }
    }

    private static long[] labels(NDArray labels, int images) {
        if (labels.size() != images) {
            throw UserException.of(
                    "A DJL dataset's labels must be one number per image. Received: the shape"
                            + " %s for %s images.",
                    labels.getShape(), images);
        }
        return labels.toType(DataType.INT64, false).toLongArray();
    }

    private static List<String> numbers(int[] labels) {
        return IntStream.rangeClosed(0, Arrays.stream(labels).max().orElse(0))
                .mapToObj(Integer::toString)
                .toList();
    }

    /**
     * Returns examples as a DJL dataset, for DJL's own training loop.
     *
     * @param examples the examples
     * @param preprocessing how their images are prepared
     * @param batchSize the batch size
     * @param random whether to shuffle
     * @return a dataset of float32 images (C, H, W) and int64 labels
     */
    public static RandomAccessDataset of(
            Examples examples, Preprocessing preprocessing, int batchSize, boolean random) {
        return new Builder(examples, preprocessing).setSampling(batchSize, random).build();
    }

    private static final class Builder extends RandomAccessDataset.BaseBuilder<Builder> {

        private final Examples examples;
        private final Preprocessing preprocessing;

        Builder(Examples examples, Preprocessing preprocessing) {
            this.examples = examples;
            this.preprocessing = preprocessing;
        }

        @Override
        protected Builder self() {
            return this;
        }

        RandomAccessDataset build() {
            return new OfExamples(this);
        }
    }

    private static final class OfExamples extends RandomAccessDataset {

        private final Examples examples;
        private final Preprocessing preprocessing;

        OfExamples(Builder builder) {
            super(builder);
            examples = builder.examples;
            preprocessing = builder.preprocessing;
        }

        @Override
        public Record get(NDManager manager, long index) {
            int i = Math.toIntExact(index);
            RawImage raw = new RawImage();
            examples.read(i, raw);
            Preprocessor preprocessor = new Preprocessor(preprocessing);
            ImageShape shape = preprocessor.output(raw.shape());
            float[] values = new float[Math.toIntExact(shape.values())];
            preprocessor.apply(raw, values, 0);
            Shape chw = new Shape(shape.channels(), shape.height(), shape.width());
            return new Record(
                    new NDList(manager.create(values, chw)),
                    new NDList(manager.create((long) examples.label(i))));
        }

        @Override
        protected long availableSize() {
            return examples.size();
        }

        @Override
        public void prepare(Progress progress) {}
    }
}
