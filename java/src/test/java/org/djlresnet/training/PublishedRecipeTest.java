package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.djlresnet.QuadrantImages;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.model.Network;
import org.djlresnet.optimizer.TrainedParameter;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Test;

/** Tests that the recipe keng2017 has the published penalties and schedule. */
class PublishedRecipeTest {

    private static Recipe recipe() throws IOException {
        String text = Files.readString(Path.of("py_djl_resnet", "recipes", "keng2017.json"));
        JsonObject json = JsonParser.parseString(text).getAsJsonObject();
        json.addProperty("device", "cpu");
        return Recipe.fromJson(json.toString());
    }

    /** Keras adds c · w² to the loss, whose gradient is that of weight decay 2 · c. */
    @Test
    void onlyTheDenseLayersOfTheLatentsDecay() throws IOException {
        ImageDataset images = QuadrantImages.of(300, 1);
        Map<String, Double> decays = new TreeMap<>();
        try (Network network = TrainingRun.prepare(recipe(), images, images, null).network()) {
            for (TrainedParameter one : TrainedParameter.of(network.parameters(), recipe())) {
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
        Recipe recipe = recipe();
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
}
