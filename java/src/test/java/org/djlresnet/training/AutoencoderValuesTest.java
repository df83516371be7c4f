package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.List;
import org.djlresnet.QuadrantImages;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.data.GaussianNoise;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.data.SplitMix64;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.evaluation.AutoencoderEvaluation;
import org.djlresnet.evaluation.AutoencoderInference;
import org.djlresnet.image.ImageShape;
import org.djlresnet.model.Autoencoding;
import org.djlresnet.model.Likelihood;
import org.djlresnet.model.Network;
import org.djlresnet.objective.Minibatch;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Holds what an autoencoder's training and evaluation compute against their formulas. */
@Timeout(120)
class AutoencoderValuesTest extends TrainerFixture {

    private static final int LATENT = 4;
    private static final int PIXELS = 64;
    private static final String RECIPE =
            "{'model': 'vae-small', 'objective': '%s', 'latent_dim': 4, 'epochs': 2,"
                    + " 'batch_size': 8, 'optimizer': 'adam', 'lr': 0.003%s}";

    private final ImageDataset train = QuadrantImages.of(40, 1);
    private final ImageDataset test = QuadrantImages.of(12, 2);

    private TrainingRun prepare(String objective, String settings) {
        Recipe recipe = QuadrantImages.recipe(RECIPE.formatted(objective, settings));
        return TrainingRun.prepare(recipe, train, test, dir.resolve("run"));
    }

    private static float[] noise(long seed, long step, long first, int count) {
        float[] noise = new float[count * LATENT];
        GaussianNoise.fill(noise, seed, step, first, count, LATENT);
        return noise;
    }

    private static Minibatch images(NDManager manager, int count) {
        NDArray images = manager.zeros(new Shape(count, 1, 8, 8));
        return new Minibatch(images, manager.create(new int[count]));
    }

    @ParameterizedTest
    @CsvSource({
        // warm-up epochs of 5 updates, update, weight for a beta of 4
        "0, 0, 4",
        "2, 0, 0.4",
        "2, 4, 2",
        "2, 9, 4",
        "2, 10, 4",
    })
    void betaRises(int warmup, long update, float weight) {
        String settings = ", 'beta': 4, 'seed': 6, 'beta_warmup_epochs': " + warmup;
        TrainingRun run = prepare("bernoulli", settings);
        Latents latents = new Latents(run.recipe(), run.network(), 5);
        try (NDManager manager = run.network().manager().newSubManager()) {
            Minibatch batch = images(manager, 3);
            assertEquals(weight, latents.training(batch, 7, update).klWeight().getFloat(), 1e-6);
            assertEquals(1, latents.evaluation(batch, 0).klWeight().getFloat());
        }
        run.network().close();
    }

    @Test
    void noiseIsThatOfTheStepOrOfTheExample() {
        TrainingRun run = prepare("bernoulli", ", 'seed': 6");
        Latents latents = new Latents(run.recipe(), run.network(), 5);
        try (NDManager manager = run.network().manager().newSubManager()) {
            for (long step : new long[] {0, 3}) {
                assertArrayEquals(
                        noise(6, step, 0, 3),
                        latents.training(images(manager, 3), step, 0).noise().toFloatArray());
            }
            assertArrayEquals(
                    noise(6, -1, 20, 3),
                    latents.evaluation(images(manager, 3), 20).noise().toFloatArray());
        }
        run.network().close();
    }

    @ParameterizedTest
    @CsvSource({"beta, 4", "free_bits, 50"})
    void lossWeighsTheDivergence(String setting, double value) {
        TrainingRun run = prepare("bernoulli", ", '%s': %s".formatted(setting, value));
        finish(run);
        EpochRow row = run.trainer().progress().rows().get(0);
        double kl = row.metric("train_kl");
        assertTrue(kl > 0.01 && kl < 50, "KL divergence " + kl);
        double cost = setting.equals("beta") ? value * kl : LATENT * value;
        double expected = row.metric("train_reconstruction") + cost;
        assertEquals(expected, row.metric("train_loss"), 1e-5 * expected);
        assertEquals(row.metric("train_reconstruction") + kl, -row.metric("train_elbo"), 1e-4);
    }

    private static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    /** −ln p(x | z) of one image, from the definition of the distribution. */
    private static double cost(
            Likelihood likelihood, float[] logits, int at, float[] pixels, int from, double scale) {
        double cost = 0;
        for (int i = 0; i < PIXELS; i++) {
            double x = pixels[from + i];
            double mean = sigmoid(logits[at + i]);
            if (likelihood == Likelihood.BERNOULLI) {
                cost -= x * Math.log(mean) + (1 - x) * Math.log(1 - mean);
                continue;
            }
            // all of the distribution below 0 and above 255 belongs to these bytes
            double above = x == 1 ? 1 : sigmoid((x + 1 / 510.0 - mean) / scale);
            double below = x == 0 ? 0 : sigmoid((x - 1 / 510.0 - mean) / scale);
            cost -= Math.log(above - below);
        }
        return cost;
    }

    @ParameterizedTest
    @ValueSource(strings = {"keng2017", "bernoulli", "discretized-logistic"})
    void evaluationIsThatOfTheDefinition(String objective) {
        finish(prepare(objective, ", 'seed': 3"));
        boolean published = objective.equals("keng2017");
        Likelihood likelihood =
                objective.startsWith("disc")
                        ? Likelihood.DISCRETIZED_LOGISTIC
                        : Likelihood.BERNOULLI;
        int count = test.size();
        long seed = 5;
        try (Checkpoint checkpoint = Checkpoint.open(dir.resolve("run/last.safetensors"));
                Network network = checkpoint.network(Device.cpu());
                NDManager manager = network.manager().newSubManager();
                AutoencoderInference parts = new AutoencoderInference(network)) {
            // a deviation of e⁻² if the network's is exp(log variance), else of e⁻¹
            setLogVariance(network, -2);
            double deviation = published ? Math.exp(-2) : Math.exp(-1);
            double scale = 0;
            if (likelihood != Likelihood.BERNOULLI) {
                EngineTraits.of(network.manager().getEngine())
                        .assign(
                                network.stateDict().get("likelihood.log_scale"),
                                manager.create(new float[] {-3}));
                scale = Math.exp(-3);
            }
            float[] pixels = pixels(test, count);
            NDArray images = manager.create(pixels, new Shape(count, 1, 8, 8));
            float[] mean = parts.encode(images).get(0).toFloatArray();
            double kl = 0;
            for (float m : mean) {
                kl += (m * m + deviation * deviation - 1) / 2 - Math.log(deviation);
            }
            kl /= count;

            JsonObject found = measure(network, 12, seed, 1, 2);
            double[] elboCosts =
                    costs(
                            parts,
                            likelihood,
                            scale,
                            mean,
                            deviation,
                            noise(seed, -1, 0, count),
                            pixels);
            assertClose(average(elboCosts), found.get("reconstruction").getAsDouble());
            assertClose(kl, found.get("kl").getAsDouble());

            long stream = SplitMix64.mix("importance".hashCode(), seed);
            double[][] weights = new double[2][];
            for (int k = 0; k < 2; k++) {
                float[] e = noise(stream, k, 0, count);
                weights[k] = costs(parts, likelihood, scale, mean, deviation, e, pixels);
                for (int i = 0; i < count; i++) {
                    double log = -weights[k][i];
                    for (int d = i * LATENT; d < (i + 1) * LATENT; d++) {
                        double z = mean[d] + deviation * e[d];
                        log += -z * z / 2 + e[d] * e[d] / 2 + Math.log(deviation);
                    }
                    weights[k][i] = log;
                }
            }
            double two = 0;
            for (int i = 0; i < count; i++) {
                two +=
                        Math.log((Math.exp(weights[0][i] + 50) + Math.exp(weights[1][i] + 50)) / 2)
                                - 50;
            }
            JsonArray bounds = found.getAsJsonArray("bound");
            assertClose(average(weights[0]), value(bounds, 0));
            assertClose(two / count, value(bounds, 1));
            if (likelihood == Likelihood.BERNOULLI) {
                assertTrue(found.get("bits_per_dim").isJsonNull());
            } else {
                assertClose(
                        -two / count / PIXELS / Math.log(2),
                        found.get("bits_per_dim").getAsDouble());
            }
            // batches change rounding only
            JsonObject other = measure(network, 5, seed, 1, 2);
            assertClose(found.get("elbo").getAsDouble(), other.get("elbo").getAsDouble());
            assertClose(value(bounds, 1), value(other.getAsJsonArray("bound"), 1));
        }
    }

    private static JsonObject measure(Network network, int batch, long seed, int... samples) {
        AutoencoderEvaluation evaluation =
                new AutoencoderEvaluation(network, QuadrantImages.of(12, 2), batch, seed, samples);
        return JsonParser.parseString(evaluation.measure()).getAsJsonObject();
    }

    private static double value(JsonArray bounds, int index) {
        return bounds.get(index).getAsJsonObject().get("value").getAsDouble();
    }

    private static void assertClose(double expected, double found) {
        assertEquals(expected, found, 1e-4 * Math.abs(expected));
    }

    private static double average(double[] values) {
        double sum = 0;
        for (double value : values) {
            sum += value / values.length;
        }
        return sum;
    }

    private static void setLogVariance(Network network, float value) {
        EngineTraits traits = EngineTraits.of(network.manager().getEngine());
        for (String name : List.of("weight", "bias")) {
            NDArray array = network.stateDict().get("encoder.log_variance." + name);
            float constant = name.equals("bias") ? value : 0;
            try (NDArray filled = array.getManager().full(array.getShape(), constant)) {
                traits.assign(array, filled);
            }
        }
    }

    private static float[] pixels(ImageDataset data, int count) {
        float[] pixels = new float[count * PIXELS];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (data.pixels().get(i) & 0xff) / 255f;
        }
        return pixels;
    }

    private static double[] costs(
            AutoencoderInference parts,
            Likelihood likelihood,
            double scale,
            float[] mean,
            double deviation,
            float[] noise,
            float[] pixels) {
        int count = mean.length / LATENT;
        float[] codes = new float[mean.length];
        for (int i = 0; i < codes.length; i++) {
            codes[i] = (float) (mean[i] + deviation * noise[i]);
        }
        try (NDManager manager = NDManager.newBaseManager()) {
            NDArray latents = manager.create(codes, new Shape(count, LATENT));
            float[] logits = parts.logits(latents, null).toFloatArray();
            double[] costs = new double[count];
            for (int i = 0; i < count; i++) {
                costs[i] = cost(likelihood, logits, i * PIXELS, pixels, i * PIXELS, scale);
            }
            return costs;
        }
    }

    @Test
    void sizeOfAnImageCountsItsChannels() {
        Autoencoding output =
                new Autoencoding(
                        new ImageShape(3, 8, 16),
                        5,
                        Likelihood.DISCRETIZED_LOGISTIC,
                        false,
                        List.of());
        assertEquals(3 * 8 * 16, output.size());
    }
}
