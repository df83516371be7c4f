package org.djlresnet.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.modality.cv.transform.ToTensor;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.dataset.ArrayDataset;
import ai.djl.training.dataset.RandomAccessDataset;
import java.nio.ByteBuffer;
import java.util.List;
import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.RawImage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("engine")
class DjlDatasetsTest {

    private static final int COUNT = 300; // more than one batch
    private static final int SIDE = 6;

    private NDManager manager;
    private byte[] bytes;

    @BeforeEach
    void open() {
        manager = NDManager.newBaseManager();
        bytes = new byte[COUNT * 3 * SIDE * SIDE];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (i * 31 + i / 97);
        }
    }

    @AfterEach
    void close() {
        manager.close();
    }

    private NDArray bytes(Shape shape) {
        return manager.create(ByteBuffer.wrap(bytes), shape, DataType.UINT8);
    }

    private ArrayDataset.Builder dataset(NDArray images) {
        // shuffled, which reading must ignore
        return new ArrayDataset.Builder()
                .setData(images)
                .optLabels(manager.arange(COUNT).mod(4).toType(DataType.INT32, false))
                .setSampling(7, true);
    }

    private static ImageDataset read(RandomAccessDataset dataset) throws Exception {
        return DjlDatasets.read(dataset, null);
    }

    @Test
    void readsBytesInOrder() throws Exception {
        ImageDataset read = read(dataset(bytes(new Shape(COUNT, 3, SIDE, SIDE))).build());
        assertEquals(COUNT, read.size());
        assertEquals(new ImageShape(3, SIDE, SIDE), read.shape());
        assertEquals(PixelType.UINT8, read.type());
        assertEquals(List.of("0", "1", "2", "3"), read.classNames());
        assertEquals(ByteBuffer.wrap(bytes), read.pixels());
        for (int i = 0; i < COUNT; i++) {
            assertEquals(i % 4, read.label(i));
        }
    }

    @Test
    void appliesTransforms() throws Exception {
        NDArray channelsLast = bytes(new Shape(COUNT, SIDE, SIDE, 3));
        ImageDataset read = read(dataset(channelsLast).addTransform(new ToTensor()).build());
        assertEquals(new ImageShape(3, SIDE, SIDE), read.shape());
        assertEquals(PixelType.FLOAT32, read.type());
        RawImage raw = new RawImage();
        read.read(299, raw);
        float[] values = raw.holdFloats(read.shape());
        read.read(299, raw);
        int green = 299 * 3 * SIDE * SIDE + (2 * SIDE + 5) * 3 + 1;
        assertEquals((bytes[green] & 0xFF) / 255f, values[SIDE * SIDE + 2 * SIDE + 5], 1e-6f);
    }

    @Test
    void namesClassesAndKeepsTheLimit() throws Exception {
        RandomAccessDataset dataset =
                dataset(bytes(new Shape(COUNT, 3, SIDE, SIDE))).optLimit(10).build();
        ImageDataset read = DjlDatasets.read(dataset, List.of("a", "b", "c", "d"));
        assertEquals(10, read.size());
        assertEquals(List.of("a", "b", "c", "d"), read.classNames());
    }

    private static String rejection(RandomAccessDataset dataset) {
        return assertThrows(UserException.class, () -> read(dataset)).getMessage();
    }

    @Test
    void rejectsOtherImagesAndTheAdviceHelps() throws Exception {
        NDArray integers = bytes(new Shape(COUNT, SIDE, SIDE, 3)).toType(DataType.INT32, false);
        String message = rejection(dataset(integers).build());
        assertTrue(message.contains("Received: int32 (6, 6, 3)."), message);
        assertTrue(message.contains("Add the transform ai.djl.modality.cv.transform.ToTensor"));
        ImageDataset read = read(dataset(integers).addTransform(new ToTensor()).build());
        assertEquals(new ImageShape(3, SIDE, SIDE), read.shape());
        assertTrue(rejection(dataset(bytes(new Shape(COUNT, 108))).build()).contains("(108)"));
    }

    @Test
    void rejectsSeveralLabelsPerImage() {
        RandomAccessDataset oneHot =
                new ArrayDataset.Builder()
                        .setData(bytes(new Shape(COUNT, 3, SIDE, SIDE)))
                        .optLabels(manager.zeros(new Shape(COUNT, 4)))
                        .setSampling(7, false)
                        .build();
        String message = rejection(oneHot);
        assertTrue(message.contains("the shape (256, 4) for 256 images"), message);
    }

    @Test
    void returnsExamplesAsDjlDataset() throws Exception {
        ImageDataset examples = read(dataset(bytes(new Shape(COUNT, 3, SIDE, SIDE))).build());
        RandomAccessDataset dataset =
                DjlDatasets.of(examples, Preprocessing.exact(examples.shape()), 100, false);
        assertEquals(COUNT, dataset.size());
        int done = 0;
        for (ai.djl.training.dataset.Batch batch : dataset.getData(manager)) {
            try (batch) {
                NDArray images = batch.getData().singletonOrThrow();
                assertEquals(new Shape(100, 3, SIDE, SIDE), images.getShape());
                float[] expected = new float[100 * 3 * SIDE * SIDE];
                for (int i = 0; i < expected.length; i++) {
                    expected[i] = (bytes[done * 3 * SIDE * SIDE + i] & 0xFF) / 255f;
                }
                assertArrayEquals(expected, images.toFloatArray(), 1e-6f);
                assertEquals(
                        3, batch.getLabels().singletonOrThrow().getLong(3), "label of example 3");
                done += 100;
            }
        }
        assertEquals(COUNT, done);
    }
}
