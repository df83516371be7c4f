package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.djlresnet.QuadrantImages;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.model.Network;
import org.djlresnet.optimizer.TrainedParameter;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Test;

/** Tests that recipes have the published penalties, rates and schedules. */
class PublishedRecipeTest {

    private static Recipe recipe(String name) throws IOException {
        String text = Files.readString(Path.of("py_djl_resnet", "recipes", name + ".json"));
        JsonObject json = JsonParser.parseString(text).getAsJsonObject();
        json.addProperty("device", "cpu");
        return Recipe.fromJson(json.toString());
    }

    /** Keras adds c · w² to the loss, whose gradient is that of weight decay 2 · c. */
    @Test
    void onlyTheDenseLayersOfTheLatentsDecay() throws IOException {
        Recipe recipe = recipe("keng2017");
        ImageDataset images = QuadrantImages.of(300, 1);
        Map<String, Double> decays = new TreeMap<>();
        try (Network network = TrainingRun.prepare(recipe, images, images, null).network()) {
            for (TrainedParameter one : TrainedParameter.of(network.parameters(), recipe)) {
                assertEquals(1, one.group().lrScale(), one.name());
                if (one.group().weightDecay() != 0) {
                    decays.put(one.name(), one.group().weightDecay());
                }
            }
        }
        double mean = 2 * 0.01;
        double logVariance = 2 * 0.1;
        assertEquals(
                Map.of(
                        "encoder.mean.weight", mean,
                        "encoder.mean.bias", mean,
                        "encoder.log_variance.weight", logVariance,
                        "encoder.log_variance.bias", logVariance),
                decays);
    }

    @Test
    void rateAndPatienceFollowTheValidationLoss() throws IOException {
        Recipe recipe = recipe("keng2017");
        assertEquals("vae-resnet:0", recipe.model());
        assertEquals("adam", recipe.optimizer());
        assertEquals(1e-3, recipe.lr());
        assertEquals(25, recipe.batchSize());
        assertEquals(1000, recipe.epochs());
        assertEquals("plateau", recipe.schedule());
        assertEquals(25, recipe.plateauEpochs());
        assertEquals(0.5, recipe.plateauFactor());
        assertEquals(1e-6, recipe.plateauMin());
        assertEquals(50, recipe.patience());
        assertEquals(0.1, recipe.minDelta());
    }

    /**
     * legacy/airbench95.py, for a wider network, divides its rate of 10 and weight decay of 0.0153
     * for 1024 examples by 1 + 1 / (1 − momentum), sums losses over a batch where a run takes their
     * mean, and divides weight decay by the rate, for biases of batch normalization by 64 times the
     * rate. legacy/airbench94.py has a rate of 11.5 and is the same otherwise.
     */
    @Test
    void airbenchsRatesAndWeightDecays() throws IOException {
        Recipe recipe = recipe("cifar-10-fast");
        double nesterov = 1 + 1 / (1 - 0.85);
        double decay = 0.0153 / 10;
        assertEquals(10 / nesterov, recipe.lr(), 5e-4);
        assertEquals(decay, recipe.weightDecay(), 5e-6);
        assertEquals(0.85, recipe.momentum());
        assertTrue(recipe.nesterov());
        int norms = 0;
        try (Network network =
                Network.create("airbench94", 3, List.of("cat", "dog"), 0, Device.cpu())) {
            for (TrainedParameter one : TrainedParameter.of(network.parameters(), recipe)) {
                double scale = one.name().contains("norm") ? 64 : 1;
                norms += scale == 64 ? 1 : 0;
                assertEquals(scale, one.group().lrScale(), one.name());
                assertEquals(decay / scale, one.group().weightDecay(), 5e-6 / scale, one.name());
            }
        }
        assertEquals(6, norms);
    }

    @Test
    void airbenchsOtherSettings() throws IOException {
        Recipe recipe = recipe("cifar-10-fast");
        assertEquals("airbench94+width_1.5", recipe.model());
        assertEquals(16, recipe.epochs());
        assertEquals(1024, recipe.batchSize());
        assertEquals(true, recipe.dropLast());
        assertTrue(recipe.normalize());
        assertEquals(0.2, recipe.labelSmoothing());
        assertEquals("alternating-flip,translate:2", recipe.augment().toString());
        assertEquals("whiten:3-", recipe.freeze());
        assertEquals("triangular", recipe.schedule());
        assertEquals(0.2, recipe.triangleStart());
        assertEquals(0.23, recipe.trianglePeak());
        assertEquals(0.07, recipe.triangleEnd());
        assertEquals("airbench:0", recipe.lookahead());
    }
}
