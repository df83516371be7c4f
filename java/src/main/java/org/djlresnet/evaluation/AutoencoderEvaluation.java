package org.djlresnet.evaluation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
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

/**
 * Measures a variational autoencoder on a data set.
 *
 * <p>Bounds and KL divergence are those of the distribution that the network samples from. The
 * published loss of Keng (2018) contains the KL divergence of another distribution; {@code
 * published} has both.
 */
public final class AutoencoderEvaluation {

    private final Network network;
    private final Examples examples;
    private final int batchSize;
    private final long seed;
    private final Autoencoding output;
    private final NDArray logScale;
    private final ElboMeasurement measurement;
    private final ImportanceBound bound;
    private final long codes;
    private volatile long decoded;
    private volatile boolean stopping;

    /**
     * Prepares a measurement.
     *
     * @param network the network
     * @param examples the examples
     * @param batchSize the number of examples in a batch; changes only speed, memory and rounding
     * @param seed the seed of the noise
     * @param samples the numbers of samples of the importance-weighted bounds
     * @throws org.djlresnet.UserException if the network is a classifier, or the data do not fit
     */
    public AutoencoderEvaluation(
            Network network, Examples examples, int batchSize, long seed, int... samples) {
        network.autoencoder();
        Evaluator.requireFit(network, examples);
        Autoencoding.requireUnit(examples);
        this.network = network;
        this.examples = examples;
        this.batchSize = batchSize;
        this.seed = seed;
        output = network.specification().autoencoding();
        logScale = network.stateDict().get(Elbo.SCALE);
        measurement = new ElboMeasurement(output.likelihood(), output.exponent());
        bound =
                new ImportanceBound(
                        output.likelihood(), logScale, output.exponent(), seed, samples);
        codes = (long) examples.size() * (1 + IntStream.of(samples).max().orElse(0));
    }

    /**
     * Measures the evidence lower bound and importance-weighted bounds; may be called once.
     *
     * @return {@code {"examples", "elbo", "elbo_error", "reconstruction", "kl", "bits_per_dim",
     *     "bound": [{"samples", "value", "standard_error"}], "active_units", "latent_dim",
     *     "published"}}; nats an image; standard errors are null for one example; bits_per_dim,
     *     that of the last bound, is null unless likelihood and images are of bytes, published is
     *     {@code {"loss", "kl"}} or null. Null after {@link #stop}
     */
    public String measure() {
        Evaluator.disableGradients(network);
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
                    add(parts, Minibatch.of(batch, manager));
                }
            }
        } catch (CancellationException e) {
            return null;
        }
        return json();
    }

    /**
     * Returns how many codes are decoded.
     *
     * @return {@code {"done", "total"}}
     */
    public String progress() {
        JsonObject json = new JsonObject();
        json.addProperty("done", decoded);
        json.addProperty("total", codes);
        return json.toString();
    }

    /** Asks to stop after the current batch of codes. */
    public void stop() {
        stopping = true;
    }

    private void add(AutoencoderInference parts, Minibatch batch) {
        ImportanceBound.Decoder decoder =
                (latents, labels) -> {
                    if (stopping) {
                        throw new CancellationException();
                    }
                    NDArray images = parts.logits(latents, labels);
                    decoded += batch.size();
                    return images;
                };
        NDList posterior = parts.encode(batch.images(), batch.labels());
        NDArray drawn = drawn(posterior, measurement.examples());
        NDList outputs = new NDList(decoder.logits(drawn, batch.labels())).addAll(posterior);
        if (logScale != null) {
            outputs.add(logScale);
        }
        measurement.add(outputs, batch);
        bound.add(decoder, posterior, batch);
    }

    /** Draws one code for each example of a batch. */
    private NDArray drawn(NDList posterior, long first) {
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

    private String json() {
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
        boolean bytes =
                output.likelihood() == Likelihood.DISCRETIZED_LOGISTIC
                        && Autoencoding.areBytes(
                                examples, network.specification().requirePreprocessing());
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
        return json.toString();
    }
}
