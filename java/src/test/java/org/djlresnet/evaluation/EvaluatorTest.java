package org.djlresnet.evaluation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.QuadrantImages;
import org.djlresnet.UserException;
import org.djlresnet.augment.TestViews;
import org.djlresnet.data.BatchLoader;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.engine.Precision;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Inference;
import org.djlresnet.model.Network;
import org.djlresnet.objective.Classification;
import org.djlresnet.objective.Measurement;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("engine")
class EvaluatorTest {

    private static final int EXAMPLES = 10;
    private static final Preprocessing OWN = Preprocessing.exact(new ImageShape(1, 8, 8));

    private final ImageDataset data = QuadrantImages.of(EXAMPLES, 1);
    private final Network network =
            Network.create("d2l-resnet18", 1, QuadrantImages.CLASSES, 3, Device.cpu());

    @AfterEach
    void close() {
        network.close();
    }

    private float[] logits() {
        Evaluator.disableGradients(network);
        try (NDManager manager = network.manager().newSubManager()) {
            NDArray images =
                    manager.create(
                            QuadrantImages.floats(data),
                            new Shape(EXAMPLES, 1, 8, 8),
                            DataType.FLOAT32);
            return network.forward(images, false).toFloatArray();
        }
    }

    private static void assertClose(Evaluation expected, Evaluation actual) {
        assertEquals(1, actual.loss() / expected.loss(), 1e-5);
        assertArrayEquals(expected.confusion(), actual.confusion());
    }

    @Test
    void countsLossAndPredictionsOfTheLogits() {
        float[] logits = logits();
        double lossSum = 0;
        long[][] confusion = new long[4][4];
        for (int i = 0; i < EXAMPLES; i++) {
            int label = data.label(i);
            double sum = 0;
            int best = 0;
            for (int c = 0; c < 4; c++) {
                sum += Math.exp(logits[4 * i + c] - logits[4 * i + label]);
                best = logits[4 * i + c] > logits[4 * i + best] ? c : best;
            }
            lossSum += Math.log(sum);
            confusion[label][best]++;
        }
        Evaluation evaluation =
                Evaluator.evaluate(network, data, EXAMPLES, OWN, Precision.FLOAT32, TestViews.NONE);
        assertEquals(EXAMPLES, evaluation.examples());
        assertEquals(lossSum, evaluation.lossSum(), 1e-5 * lossSum);
        assertArrayEquals(confusion, evaluation.confusion());
        assertEquals(QuadrantImages.CLASSES, evaluation.classNames());
    }

    @Test
    void batchSizeChangesNothing() {
        Evaluation whole =
                Evaluator.evaluate(network, data, 64, OWN, Precision.FLOAT32, TestViews.NONE);
        for (int batchSize : new int[] {1, 3, 5}) {
            assertClose(
                    whole,
                    Evaluator.evaluate(
                            network, data, batchSize, OWN, Precision.FLOAT32, TestViews.NONE));
        }
    }

    @Test
    void orderOfTheDataChangesNothing() {
        int[] labels = new int[EXAMPLES];
        ByteBuffer pixels = ByteBuffer.allocateDirect(64 * EXAMPLES);
        for (int i = 0; i < EXAMPLES; i++) {
            labels[i] = data.label(EXAMPLES - 1 - i);
            pixels.put(data.pixels().slice(64 * (EXAMPLES - 1 - i), 64));
        }
        ImageDataset reversed =
                ImageDataset.of(
                        pixels.flip(),
                        PixelType.UINT8,
                        new long[] {EXAMPLES, 1, 8, 8},
                        labels,
                        QuadrantImages.CLASSES);
        assertClose(
                Evaluator.evaluate(network, data, 4, OWN, Precision.FLOAT32, TestViews.NONE),
                Evaluator.evaluate(network, reversed, 4, OWN, Precision.FLOAT32, TestViews.NONE));
    }

    @Test
    void keepsWeightsAndRunningStatistics() {
        Map<String, float[]> before = new LinkedHashMap<>();
        network.parameters()
                .forEach((name, value) -> before.put(name, value.getArray().toFloatArray()));
        int arrays = network.manager().getManagedArrays().size();
        Evaluator.evaluate(network, data, 4, OWN, Precision.FLOAT32, TestViews.NONE);
        assertEquals(arrays, network.manager().getManagedArrays().size());
        network.parameters()
                .forEach(
                        (name, value) ->
                                assertArrayEquals(
                                        before.get(name), value.getArray().toFloatArray(), name));
    }

    @Test
    void resizesImages() {
        // an image of one value is the same at any size
        ImageDataset large = plain(12);
        ImageDataset small = plain(5);
        assertClose(
                Evaluator.evaluate(
                        network,
                        large,
                        2,
                        OWN.withImageSize(12),
                        Precision.FLOAT32,
                        TestViews.NONE),
                Evaluator.evaluate(
                        network,
                        small,
                        2,
                        OWN.withImageSize(12),
                        Precision.FLOAT32,
                        TestViews.NONE));
    }

    private static ImageDataset plain(int size) {
        ByteBuffer pixels = ByteBuffer.allocateDirect(2 * size * size);
        for (int i = 0; i < pixels.capacity(); i++) {
            pixels.put(i, (byte) (i < size * size ? 40 : 200));
        }
        return ImageDataset.of(
                pixels,
                PixelType.UINT8,
                new long[] {2, 1, size, size},
                new int[] {0, 3},
                QuadrantImages.CLASSES);
    }

    @Test
    void runMeasuresAllBatches() {
        List<Long> done = new ArrayList<>();
        Measurement measurement = new Classification(4).measurement();
        try (Inference inference = new Inference(network, Precision.FLOAT32, true);
                BatchLoader loader = new BatchLoader(data, OWN, 4)) {
            loader.restart(null);
            Evaluator.run(
                    network,
                    batch -> inference.forward(batch.inputs(network.inputs())),
                    measurement,
                    () -> measurement.examples() < 8 ? loader.next() : null,
                    () -> done.add(measurement.examples()));
        }
        assertEquals(List.of(4L, 8L), done);
        assertTrue(Double.isFinite(measurement.metrics().get("loss")));
    }

    @Test
    void rejectsOtherChannelsAndMoreClasses() {
        ImageDataset two =
                ImageDataset.of(
                        ByteBuffer.allocateDirect(2),
                        PixelType.UINT8,
                        new long[] {1, 2, 1, 1},
                        new int[] {0},
                        QuadrantImages.CLASSES);
        ImageDataset more =
                ImageDataset.of(
                        ByteBuffer.allocateDirect(1),
                        PixelType.UINT8,
                        new long[] {1, 1, 1, 1},
                        new int[] {0},
                        Classes.numbered(5).names());
        assertEquals(
                "Images with 2 channels cannot be converted to images with 1 channel. Allowed: the same number,"
                        + " 3 to 1, or 1 to 3.",
                rejection(two, 4));
        assertEquals(
                "The data have more classes than the network. Received: 5. Allowed: up to 4.",
                rejection(more, 4));
        assertEquals("The batch size must be at least 1. Received: 0.", rejection(data, 0));
    }

    private String rejection(ImageDataset dataset, int batchSize) {
        return assertThrows(
                        UserException.class,
                        () ->
                                Evaluator.evaluate(
                                        network,
                                        dataset,
                                        batchSize,
                                        OWN,
                                        Precision.FLOAT32,
                                        TestViews.NONE))
                .getMessage();
    }
}
