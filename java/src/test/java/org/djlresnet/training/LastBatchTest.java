package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.djlresnet.QuadrantImages;
import org.djlresnet.data.EpochOrder;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.Network;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests an incomplete last batch. */
@Tag("engine")
@Timeout(300)
class LastBatchTest extends TrainerFixture {

    /** A learning rate of 0 keeps the weights, so the test can compute the loss of each batch. */
    private void assertSumsOfOneEpoch(int examples, int... batches) {
        // the blocks: with two examples, normalization turns a rounding difference into another
        // loss
        Recipe recipe =
                QuadrantImages.recipe(
                        "{'epochs': 1, 'batch_size': 4, 'lr': 0, 'seed': 5, 'compile': false}");
        ImageDataset train = QuadrantImages.of(examples, 3);
        double lossSum = 0;
        int right = 0;
        int start = 0;
        int[] order = EpochOrder.of(5, 0, examples);
        try (Network network = network(recipe)) {
            for (int count : batches) {
                float[] logits = trainingLogits(network, train, order, start, count);
                for (int i = 0; i < count; i++) {
                    int label = train.label(order[start + i]);
                    double sum = 0;
                    int best = 0;
                    for (int c = 0; c < 4; c++) {
                        sum += Math.exp(logits[4 * i + c]);
                        best = logits[4 * i + c] > logits[4 * i + best] ? c : best;
                    }
                    lossSum -= Math.log(Math.exp(logits[4 * i + label]) / sum);
                    right += best == label ? 1 : 0;
                }
                start += count;
            }
        }
        try (Network network = network(recipe)) {
            Trainer trainer = new Trainer(recipe, network, train, QuadrantImages.of(4, 4), null);
            trainer.run();
            EpochRow row = trainer.progress().rows().get(0);
            assertEquals(batches.length, row.step());
            assertEquals(lossSum / start, row.metric("train_loss"), 1e-4);
            assertEquals((double) right / start, row.metric("train_accuracy"), 1e-9);
        }
    }

    private static float[] trainingLogits(
            Network network, ImageDataset dataset, int[] order, int start, int count) {
        EngineTraits.of(network.manager().getEngine()).disableRecording();
        int size = dataset.shape().channels() * dataset.shape().height() * dataset.shape().width();
        ByteBuffer all = QuadrantImages.floats(dataset);
        ByteBuffer some =
                ByteBuffer.allocateDirect(4 * size * count).order(ByteOrder.nativeOrder());
        for (int i = 0; i < count; i++) {
            some.put(
                    all.duplicate()
                            .position(4 * size * order[start + i])
                            .limit(4 * size * (order[start + i] + 1)));
        }
        // MXNet's batch normalization needs a collector in training
        GradientCollector collector = network.manager().getEngine().newGradientCollector();
        try (NDManager manager = network.manager().newSubManager()) {
            Shape shape = new Shape(count, 1, dataset.shape().height(), dataset.shape().width());
            NDArray images = manager.create(some.flip(), shape, DataType.FLOAT32);
            return network.forward(images, true).toFloatArray();
        } finally {
            collector.close();
        }
    }

    @Test
    void weightsAShortLastBatchByItsSize() {
        assertSumsOfOneEpoch(10, 4, 4, 2);
    }

    @Test
    void dropsALastBatchOfOneExample() {
        assertSumsOfOneEpoch(9, 4, 4);
    }

    @Test
    void dropsASmallLastBatchByDefault() {
        for (boolean keep : new boolean[] {false, true}) {
            String asked = keep ? ", 'drop_last': false" : "";
            Recipe recipe =
                    QuadrantImages.recipe("{'epochs': 2, 'batch_size': 16, 'lr': 0" + asked + "}");
            try (Network network = network(recipe)) {
                Trainer trainer = trainer(recipe, network, 18, 4, null);
                trainer.run();
                assertEquals(keep ? 4 : 2, trainer.progress().rows().get(1).step());
            }
        }
    }
}
