package org.djlresnet.evaluation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import java.util.Map;
import org.djlresnet.data.Batch;
import org.djlresnet.data.BatchLoader;
import org.djlresnet.data.Examples;
import org.djlresnet.data.GaussianNoise;
import org.djlresnet.model.Autoencoding;
import org.djlresnet.model.Likelihood;
import org.djlresnet.model.Network;
import org.djlresnet.objective.Elbo;
import org.djlresnet.objective.ElboMeasurement;
import org.djlresnet.objective.Minibatch;

/** Measures a variational autoencoder on a data set. */
public final class AutoencoderEvaluation {

    private static final Gson GSON = new GsonBuilder().serializeNulls().create();

    private AutoencoderEvaluation() {}

    /**
     * Measures the evidence lower bound and importance-weighted bounds.
     *
     * <p>Bounds and KL divergence are those of the distribution that the network samples from. The
     * published loss of Keng (2018) contains the KL divergence of another distribution; {@code
     * published} has both.
     *
     * @param network the network
     * @param examples the examples
     * @param batchSize the number of examples in a batch; changes only speed, memory and rounding
     * @param seed the seed of the noise
     * @param samples the numbers of samples of the importance-weighted bounds
     * @return {@code {"examples", "elbo", "elbo_error", "reconstruction", "kl", "bits_per_dim",
     *     "bound": [{"samples", "value", "standard_error"}], "active_units", "latent_dim",
     *     "published"}}; nats an image; standard errors are null for one example; bits_per_dim,
     *     that of the last bound, is null unless the likelihood is of bytes, published is {@code
     *     {"loss", "kl"}} or null
     * @throws org.djlresnet.UserException if the network is a classifier, or the data do not fit
     */
    public static String measure(
            Network network, Examples examples, int batchSize, long seed, int... samples) {
        network.autoencoder();
        Evaluator.requireFit(network, examples);
        Evaluator.disableGradients(network);
        Autoencoding output = network.specification().autoencoding();
        NDArray logScale = network.stateDict().get(Elbo.SCALE);
        ImportanceBound bound =
                new ImportanceBound(
                        output.likelihood(), logScale, output.exponent(), seed, samples);
        ElboMeasurement measurement = new ElboMeasurement(output.likelihood(), output.exponent());
        try (AutoencoderInference parts = new AutoencoderInference(network);
                BatchLoader loader =
                        new BatchLoader(
                                examples,
                                network.specification().requirePreprocessing(),
                                batchSize)) {
            loader.restart(null);
            for (Batch next = loader.next(); next != null; next = loader.next()) {
                try (Batch batch = next;
                        NDManager manager = network.manager().newSubManager()) {
                    Minibatch minibatch = Minibatch.of(batch, manager);
                    NDList posterior = parts.encode(minibatch.images(), minibatch.labels());
                    NDArray decoded =
                            parts.logits(
                                    drawn(posterior, output, seed, measurement.examples()),
                                    minibatch.labels());
                    NDList outputs = new NDList(decoded).addAll(posterior);
                    if (logScale != null) {
                        outputs.add(logScale);
                    }
                    measurement.add(outputs, minibatch);
                    bound.add(parts::logits, posterior, minibatch);
                }
            }
        }
        return json(output, measurement, bound);
    }

    /** Draws one code for each example of a batch. */
    private static NDArray drawn(NDList posterior, Autoencoding output, long seed, long first) {
        NDArray mean = posterior.get(0);
        Shape shape = mean.getShape();
        float[] noise = new float[(int) shape.size()];
        GaussianNoise.fill(noise, seed, -1, first, (int) shape.get(0), output.latent());
        NDArray deviation = posterior.get(1).mul(output.exponent()).exp();
        return mean.add(deviation.mul(mean.getManager().create(noise, shape)));
    }

    /** Returns null for the standard error of one example. */
    private static Double finite(double error) {
        return Double.isFinite(error) ? error : null;
    }

    private static String json(
            Autoencoding output, ElboMeasurement measurement, ImportanceBound bound) {
        Map<String, Double> metrics = measurement.metrics();
        double reconstruction = metrics.get(Elbo.RECONSTRUCTION);
        double kl = measurement.samplingKl();
        JsonObject json = new JsonObject();
        json.addProperty("examples", measurement.examples());
        json.addProperty("elbo", -reconstruction - kl);
        json.addProperty("elbo_error", finite(measurement.elboError()));
        json.addProperty("reconstruction", reconstruction);
        json.addProperty("kl", kl);
        JsonArray bounds = new JsonArray();
        double last = -reconstruction - kl;
        for (ImportanceBound.Bound one : bound.bounds()) {
            JsonObject row = new JsonObject();
            row.addProperty("samples", one.samples());
            row.addProperty("value", one.value());
            row.addProperty("standard_error", finite(one.standardError()));
            bounds.add(row);
            last = one.value();
        }
        boolean bytes = output.likelihood() == Likelihood.DISCRETIZED_LOGISTIC;
        json.addProperty(
                "bits_per_dim", bytes ? ImportanceBound.bitsPerDim(last, output.size()) : null);
        json.add("bound", bounds);
        json.addProperty("active_units", measurement.activeUnits());
        json.addProperty("latent_dim", output.latent());
        if (output.published()) {
            JsonObject published = new JsonObject();
            published.addProperty("loss", metrics.get("loss"));
            published.addProperty("kl", metrics.get(Elbo.KL));
            json.add("published", published);
        } else {
            json.add("published", JsonNull.INSTANCE);
        }
        return GSON.toJson(json);
    }
}
