package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.djlresnet.QuadrantImages;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.evaluation.AutoencoderEvaluation;
import org.djlresnet.model.Network;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests training runs of autoencoders. */
@Timeout(120)
class AutoencoderRunTest extends TrainerFixture {

    /** Five steps per epoch, the last with a short batch, and four images held out. */
    private static final String RECIPE =
            "{'model': 'vae-small', 'objective': 'gaussian', 'conditional': true, 'latent_dim': 4,"
                    + " 'epochs': 3, 'batch_size': 8, 'optimizer': 'adam', 'lr': 0.003,"
                    + " 'beta_warmup_epochs': 1}";

    private final ImageDataset train = QuadrantImages.of(40, 1);
    private final ImageDataset test = QuadrantImages.of(8, 2);

    private TrainingRun prepare(String recipe, Path folder) {
        return TrainingRun.prepare(QuadrantImages.recipe(recipe), train, test, folder);
    }

    /** Runs to the end and returns the rows of metrics.csv. */
    private List<EpochRow> run(String recipe, Path folder) {
        TrainingRun run = prepare(recipe, folder);
        finish(run);
        return run.trainer().progress().rows();
    }

    @ParameterizedTest
    @ValueSource(strings = {"'ema_decay': 0.5", "'swa_epochs': 2", "'accumulate': 2"})
    void averagesAndAccumulates(String setting) throws IOException {
        String recipe = RECIPE.replace("}", ", " + setting + "}");
        Path whole = dir.resolve("whole");
        List<EpochRow> rows = run(recipe, whole);
        Path parts = dir.resolve("parts");
        finishSteps(7, prepare(recipe, parts));
        finish(TrainingRun.resume(parts, Map.of(), train, test));
        assertSameResult(whole, parts);
        if (setting.contains("accumulate")) {
            return;
        }
        // the average has the deviation that training set, not a mean of several
        Map<String, byte[]> tensors = tensors(whole.resolve("last.safetensors"));
        assertArrayEquals(
                tensors.get("likelihood.log_scale"), tensors.get("average/likelihood.log_scale"));
        EpochRow last = rows.get(rows.size() - 1);
        double mse = last.metric("validation_average_mse");
        double variance = last.metric("train_mse");
        // of a Gaussian with that variance, over the pixels
        int pixels = 8 * 8;
        double expected = pixels / 2.0 * (Math.log(2 * Math.PI * variance) + mse / variance);
        assertEquals(expected, last.metric("validation_average_reconstruction"), 1e-3 * pixels);
    }

    @Test
    void evaluatesAPublishedNetworkByWhatItDraws() {
        String recipe =
                RECIPE.replace("'gaussian'", "'keng2017'").replace("'conditional': true, ", "");
        Path folder = dir.resolve("run");
        run(recipe, folder);
        try (Checkpoint checkpoint = Checkpoint.open(folder.resolve("last.safetensors"));
                Network network = checkpoint.network(Device.cpu())) {
            JsonObject found =
                    JsonParser.parseString(AutoencoderEvaluation.measure(network, test, 4, 0, 1))
                            .getAsJsonObject();
            JsonObject published = found.getAsJsonObject("published");
            double kl = published.get("kl").getAsDouble();
            double drawnKl = found.get("kl").getAsDouble();
            double reconstruction = found.get("reconstruction").getAsDouble();
            assertNotEquals(kl, drawnKl, 1e-3);
            assertEquals(reconstruction + kl, published.get("loss").getAsDouble(), 1e-6);
            assertEquals(-reconstruction - drawnKl, found.get("elbo").getAsDouble(), 1e-6);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gaussian", "discretized-logistic"})
    void resumesWithinAnEpochWithTheSameBytes(String objective) throws IOException {
        String recipe = RECIPE.replace("'gaussian'", "'" + objective + "'");
        Path whole = dir.resolve("whole");
        run(recipe, whole);
        Path parts = dir.resolve("parts");
        // within the warm-up, then within the second epoch
        finishSteps(3, prepare(recipe, parts));
        finishSteps(4, TrainingRun.resume(parts, Map.of(), train, test));
        finish(TrainingRun.resume(parts, Map.of(), train, test));
        assertSameResult(whole, parts);
        assertTrue(tensors(whole.resolve("last.safetensors")).containsKey("likelihood.log_scale"));
    }

    @Test
    void onlyAnotherSeedGivesOtherBytes() throws IOException {
        for (String name : List.of("first", "second")) {
            run(RECIPE, dir.resolve(name));
        }
        assertSameResult(dir.resolve("first"), dir.resolve("second"));
        run(RECIPE.replace("}", ", 'seed': 1}"), dir.resolve("other"));
        byte[] mean = tensor("first", "encoder.mean.weight");
        assertFalse(Arrays.equals(mean, tensor("other", "encoder.mean.weight")));
    }

    private byte[] tensor(String folder, String name) {
        return tensors(dir.resolve(folder).resolve("last.safetensors")).get(name);
    }

    @Test
    void optimalScaleIsThatOfTheLastEpoch() {
        List<EpochRow> rows = run(RECIPE.replace("3,", "6,"), dir.resolve("run"));
        double first = rows.get(0).metric("train_reconstruction");
        EpochRow last = rows.get(rows.size() - 1);
        assertTrue(last.metric("train_reconstruction") < first - 10, rows.toString());
        assertTrue(last.metric("train_loss") < rows.get(1).metric("train_loss"), rows.toString());
        byte[] scale = tensor("run", "likelihood.log_scale");
        float logDeviation = ByteBuffer.wrap(scale).order(ByteOrder.LITTLE_ENDIAN).getFloat();
        assertEquals(Math.log(last.metric("train_mse")) / 2, logDeviation, 1e-6);
    }

    @Test
    void holdsOutTrainingImagesAndIgnoresTestImages() throws IOException {
        Path folder = dir.resolve("run");
        TrainingRun run = prepare(RECIPE, folder);
        assertEquals(0.1, run.recipe().validationFraction());
        finish(run);
        assertTrue(Files.readString(folder.resolve("recipe.json")).contains("\"validation\": 0.1"));
        Path other = dir.resolve("other");
        finish(
                TrainingRun.prepare(
                        QuadrantImages.recipe(RECIPE), train, QuadrantImages.of(12, 9), other));
        assertSameResult(folder, other);
        EpochRow row = run.trainer().progress().rows().get(0);
        for (String metric : List.of("loss", "elbo", "reconstruction", "kl", "mse")) {
            assertTrue(Double.isFinite(row.metric("validation_" + metric)), metric);
        }
    }

    @Test
    void validationElboStopsARunAndLowersItsRate() {
        String recipe =
                RECIPE.replace("'epochs': 3", "'epochs': 60")
                        .replace("0.003", "0.03")
                        .replace(
                                "}",
                                ", 'patience': 6, 'schedule': 'plateau', 'plateau_epochs': 1,"
                                        + " 'plateau_factor': 0.5}");
        List<EpochRow> rows = run(recipe, dir.resolve("run"));
        int best = 0;
        double lr = 0.03;
        double plateauBest = Double.NEGATIVE_INFINITY;
        int waited = 0;
        for (int i = 0; i < rows.size(); i++) {
            assertEquals(lr, rows.get(i).lr(), 1e-9, "epoch " + (i + 1));
            double elbo = rows.get(i).metric("validation_elbo");
            assertEquals(-rows.get(i).metric("validation_loss"), elbo);
            best = elbo > rows.get(best).metric("validation_elbo") ? i : best;
            boolean improves = elbo > plateauBest + 1e-4 * Math.abs(plateauBest);
            plateauBest = improves || i == 0 ? elbo : plateauBest;
            waited = improves || i == 0 ? 0 : waited + 1;
            if (waited > 1) {
                lr /= 2;
                waited = 0;
            }
        }
        assertEquals(best + 6, rows.size() - 1, rows.toString());
        assertTrue(rows.size() < 60 && lr < 0.03);
    }

    @Test
    @Tag("engine")
    void learnsOnBothEngines() {
        String recipe =
                RECIPE.replace("'optimizer': 'adam', 'lr': 0.003", "'lr': 0.0003")
                        .replace("'gaussian'", "'bernoulli'")
                        .replace(", 'beta_warmup_epochs': 1", "");
        List<EpochRow> rows = run(recipe, dir.resolve("run"));
        double first = rows.get(0).metric("train_loss");
        double last = rows.get(rows.size() - 1).metric("train_loss");
        assertTrue(last < first - 2, rows.toString());
    }
}
