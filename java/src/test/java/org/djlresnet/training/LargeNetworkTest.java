package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Map;
import org.djlresnet.QuadrantImages;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.image.PixelType;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Network;
import org.djlresnet.model.Specification;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Test;

/** Trains large networks for one step, on PyTorch only. */
class LargeNetworkTest extends TrainerFixture {

    @Test
    void resnet50TrainsOnPhotographsOf1000Classes() {
        trainsAStep("resnet50", 224, 1000);
    }

    @Test
    void preactResnet1001TrainsOnSmallImages() {
        trainsAStep("preact-resnet1001", 32, 10);
    }

    private static void trainsAStep(String model, int size, int classes) {
        ByteBuffer pixels = ByteBuffer.allocateDirect(2 * 3 * size * size);
        for (int i = 0; i < pixels.capacity(); i++) {
            pixels.put((byte) (i * 31 + i / size * 17));
        }
        ImageDataset data =
                ImageDataset.of(
                        pixels.flip(),
                        PixelType.UINT8,
                        new long[] {2, 3, size, size},
                        new int[] {0, classes - 1},
                        Classes.numbered(classes).names());
        Recipe recipe =
                QuadrantImages.recipe(
                        "{'model': '" + model + "', 'epochs': 1, 'batch_size': 2, 'lr': 0.001}");
        Specification specification = Specification.forTraining(model, data, null, null);
        try (Network network = Network.create(specification, 1, Device.cpu())) {
            Map<String, byte[]> before = parameters(network);
            Trainer trainer = new Trainer(recipe, network, data, data, null);
            trainer.run();
            assertEquals(1, progress(trainer).get("step").getAsInt());
            double loss = trainer.progress().rows().get(0).metric("train_loss");
            assertTrue(Double.isFinite(loss) && loss > 0, "loss " + loss);
            parameters(network)
                    .forEach(
                            (name, bytes) ->
                                    assertFalse(
                                            Arrays.equals(before.get(name), bytes),
                                            name + " has not moved"));
        }
    }
}
