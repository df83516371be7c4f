package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.Device;
import com.google.gson.JsonPrimitive;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.djlresnet.QuadrantImages;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.evaluation.Evaluation;
import org.djlresnet.evaluation.Evaluator;
import org.djlresnet.image.Interpolation;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.Resize;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Network;
import org.djlresnet.model.Specification;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Tests that a run uses, records and restores the preprocessing of its network. */
@Tag("engine")
class PreparedTrainingTest extends ResumeFixture {

    private static final Preprocessing COLOUR =
            new Preprocessing(
                    3,
                    Resize.shortSide(12, Interpolation.BILINEAR, true),
                    new Preprocessing.Crop(10, 10),
                    List.of(0.485, 0.456, 0.406),
                    List.of(0.229, 0.224, 0.225));

    private Path weights() throws IOException {
        Path file = dir.resolve("weights.safetensors");
        Specification specification =
                new Specification("cifar-resnet20", 3, new Classes(QuadrantImages.CLASSES), COLOUR);
        try (Network network = Network.create(specification, 5, Device.cpu())) {
            Checkpoint.save(file, network, null, Map.of());
        }
        return file;
    }

    private Recipe recipe(Path weights) {
        return QuadrantImages.recipe(
                        "{'model': 'cifar-resnet20', 'epochs': 2, 'batch_size': 18, 'lr': 0.01}")
                .with("weights", new JsonPrimitive(weights.toString()));
    }

    private static Preprocessing recorded(Path file) {
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            return checkpoint.specification().preprocessing();
        }
    }

    @Test
    void preparesGreyImagesForTheWeightsOfAColourNetwork() throws IOException {
        Recipe recipe = recipe(weights());
        Path whole = dir.resolve("whole");
        TrainingRun run = TrainingRun.prepare(recipe, train, test, whole);
        assertEquals(3, run.network().inChannels());
        finish(run);
        Path last = whole.resolve("last.safetensors");
        assertEquals(COLOUR, recorded(last));
        try (Checkpoint checkpoint = Checkpoint.open(last);
                Network network = checkpoint.network(Device.cpu())) {
            Evaluation evaluation = Evaluator.evaluate(network, test, 3);
            EpochRow row = run.trainer().progress().rows().get(1);
            assertEquals(
                    row.metric("test_loss"), evaluation.loss(), 1e-5 * row.metric("test_loss"));
            assertEquals(row.metric("test_accuracy"), evaluation.accuracy());
        }

        Path parts = dir.resolve("parts");
        finishSteps(1, TrainingRun.prepare(recipe, train, test, parts));
        finish(TrainingRun.resume(parts, Map.of(), train, test));
        assertSameResult(whole, parts);
    }

    @Test
    void imageSizeReplacesResizeAndCrop() throws IOException {
        Recipe recipe = recipe(weights()).with("image_size", new JsonPrimitive(9));
        TrainingRun run = TrainingRun.prepare(recipe, train, test, null);
        run.network().close();
        assertEquals(COLOUR.withImageSize(9), run.network().specification().preprocessing());
    }
}
