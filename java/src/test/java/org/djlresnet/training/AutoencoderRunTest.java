package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
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
import org.djlresnet.UserException;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.data.GaussianNoise;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.engine.Precision;
import org.djlresnet.evaluation.AutoencoderEvaluation;
import org.djlresnet.evaluation.AutoencoderInference;
import org.djlresnet.model.Inference;
import org.djlresnet.model.Likelihood;
import org.djlresnet.model.Network;
import org.djlresnet.objective.Elbo;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.weights.DjlFolder;
import org.djlresnet.weights.StateFile;
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
    @ValueSource(
            strings = {
                "'ema_decay': 0.5",
                "'swa_epochs': 2",
                "'accumulate': 2",
                "'lookahead': '2:0.5'",
            })
    void averagesAndAccumulates(String setting) throws IOException {
        String recipe = RECIPE.replace("}", ", " + setting + "}");
        Path whole = dir.resolve("whole");
        List<EpochRow> rows = run(recipe, whole);
        Path parts = dir.resolve("parts");
        finishSteps(7, prepare(recipe, parts));
        finish(TrainingRun.resume(parts, Map.of(), train, test));
        assertSameResult(whole, parts);
        if (!setting.contains("ema") && !setting.contains("swa")) {
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
                    JsonParser.parseString(
                                    new AutoencoderEvaluation(network, test, 4, 0, 1).measure())
                            .getAsJsonObject();
            JsonObject published = found.getAsJsonObject("published");
            double kl = published.get("kl").getAsDouble();
            double samplingKl = found.get("kl").getAsDouble();
            double reconstruction = found.get("reconstruction").getAsDouble();
            assertNotEquals(kl, samplingKl, 1e-3);
            assertEquals(reconstruction + kl, published.get("loss").getAsDouble(), 1e-6);
            assertEquals(-reconstruction - samplingKl, found.get("elbo").getAsDouble(), 1e-6);
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
    void startsFromWeightsOfTheSameKind() throws IOException {
        Path first = dir.resolve("first");
        run(RECIPE, first);
        Path exported = dir.resolve("exported.safetensors");
        Path best = first.resolve("best.safetensors");
        try (Checkpoint checkpoint = Checkpoint.open(best);
                Network network = checkpoint.network(Device.cpu())) {
            StateFile.write(exported, network);
        }
        byte[] mean = tensors(best).get("encoder.mean.weight");
        Recipe recipe = QuadrantImages.recipe(RECIPE);
        for (Path weights : List.of(best, exported)) {
            Recipe continued = recipe.with("weights", weights.toString());
            try (Network network = TrainingRun.prepare(continued, train, test, null).network()) {
                assertArrayEquals(
                        mean, bytes(network.stateDict().get("encoder.mean.weight").toFloatArray()));
            }
        }
        Recipe other = recipe.with("weights", exported.toString()).with("latent_dim", 5);
        Path folder = dir.resolve("other");
        String message =
                assertThrows(
                                UserException.class,
                                () -> TrainingRun.prepare(other, train, test, folder))
                        .getMessage();
        assertTrue(message.contains("encoder.mean.weight"), message);
        assertTrue(message.contains("Set image size, latent dimensions"), message);
        assertFalse(Files.exists(folder));
    }

    private static byte[] bytes(float[] values) {
        ByteBuffer bytes =
                ByteBuffer.allocate(Float.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return bytes.array();
    }

    @Test
    void scaleOfPerfectImagesIsFinite() {
        String recipe = RECIPE.replace("'conditional': true, ", "");
        try (Network network = prepare(recipe, null).network()) {
            Elbo objective = new Elbo(Likelihood.OPTIMAL_GAUSSIAN, 0);
            objective.epochEnded(Map.of(Elbo.MSE, 0.0), network);
            assertEquals(-6, network.stateDict().get(Elbo.SCALE).getFloat());
        }
    }

    /** The example of docs/java.md, on smaller images and with an optimizer of both engines. */
    @Test
    @Tag("engine")
    void javaEncodesDecodesAndSamples() {
        Recipe recipe =
                Recipe.builder()
                        .optModel("vae-small")
                        .optObjective("gaussian")
                        .optLatentDim(16)
                        .opt("engine", QuadrantImages.onPyTorch() ? "pytorch" : "mxnet")
                        .optLr(1e-4)
                        .optEpochs(1)
                        .optBatchSize(8)
                        .build();
        TrainingRun run = TrainingRun.prepare(recipe, train, test, dir.resolve("run"));
        run.trainer().run();
        try (Network network = run.network();
                AutoencoderInference autoencoder = new AutoencoderInference(network)) {
            NDArray samples = autoencoder.sample(4, 1);
            NDList codes = autoencoder.encode(samples);
            NDArray images = autoencoder.decode(codes.get(0));
            assertEquals(new Shape(4, 16), codes.get(1).getShape());
            for (NDArray found : List.of(samples, images)) {
                assertEquals(new Shape(4, 1, 8, 8), found.getShape());
                assertTrue(found.min().getFloat() >= 0 && found.max().getFloat() <= 1);
            }
            assertArrayEquals(
                    Arrays.copyOf(samples.toFloatArray(), 64),
                    autoencoder.sample(1, 1).toFloatArray(),
                    1e-6f);
            // what the whole network computes without noise
            NDArray noise = samples.getManager().zeros(new Shape(4, 16));
            NDList outputs = network.forward(new NDList(samples, noise), false);
            assertArrayEquals(
                    Activation.sigmoid(outputs.get(0)).toFloatArray(),
                    images.toFloatArray(),
                    1e-5f);
            assertArrayEquals(outputs.get(2).toFloatArray(), codes.get(1).toFloatArray(), 1e-5f);
            String message =
                    assertThrows(UserException.class, () -> network.forward(samples, false))
                            .getMessage();
            assertTrue(message.startsWith("vae-small needs these arrays: images, noise."), message);
            try (Inference whole = new Inference(network, Precision.FLOAT32, true)) {
                assertThrows(UserException.class, () -> whole.forward(samples));
            }
        }
        String message =
                assertThrows(UserException.class, () -> DjlFolder.criteria(dir.resolve("run")))
                        .getMessage();
        assertTrue(message.startsWith("vae-small is an autoencoder, which has no"), message);
    }

    @Test
    void conditionalNetworkNeedsLabels() {
        try (Network network = prepare(RECIPE, null).network();
                NDManager manager = network.manager().newSubManager();
                AutoencoderInference autoencoder = new AutoencoderInference(network)) {
            NDArray samples = autoencoder.sample(5, 0);
            float[] noise = new float[5 * 4];
            GaussianNoise.fill(noise, 0, 0, 0, 5, 4);
            NDArray labels = manager.create(new int[] {0, 1, 2, 3, 0});
            NDArray decoded = autoencoder.decode(manager.create(noise, new Shape(5, 4)), labels);
            assertArrayEquals(decoded.toFloatArray(), samples.toFloatArray());
            assertThrows(UserException.class, () -> autoencoder.encode(samples));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "'bernoulli'",
                "'gaussian'",
                "'gaussian', 'sigma': 'learned'",
                "'discretized-logistic'",
            })
    @Tag("engine")
    void learnsOnBothEngines(String objective) {
        String recipe =
                RECIPE.replace("'optimizer': 'adam', 'lr': 0.003", "'lr': 0.0003")
                        .replace("'gaussian'", objective)
                        .replace(", 'beta_warmup_epochs': 1", "");
        List<EpochRow> rows = run(recipe, dir.resolve("run"));
        double first = rows.get(0).metric("train_loss");
        double last = rows.get(rows.size() - 1).metric("train_loss");
        assertTrue(last < first - 2, rows.toString());
    }
}
