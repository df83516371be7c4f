package org.djlresnet.evaluation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;
import org.djlresnet.data.GaussianNoise;
import org.djlresnet.data.SplitMix64;
import org.djlresnet.model.Likelihood;
import org.djlresnet.objective.Minibatch;
import org.djlresnet.objective.PixelLikelihood;

/**
 * The importance-weighted lower bound of an image's log-likelihood:
 *
 * <pre>
 * ln 1/k Σ_i p(x | z_i) p(z_i) / q(z_i | x),   z_i from q(z | x)
 * </pre>
 *
 * <p>With k = 1 it is an estimate of the ELBO; it rises with k to ln p(x). The noise of an example
 * is a pure function of (seed, example, sample), and the bound of k samples uses the first k.
 * Source: Burda, Grosse and Salakhutdinov, "Importance Weighted Autoencoders", 2016.
 */
public final class ImportanceBound {

    private static final long STREAM = "importance".hashCode();

    /** The decoder of an autoencoder. */
    @FunctionalInterface
    public interface Decoder {

        /**
         * Decodes latent variables.
         *
         * @param latents float32, (N, L)
         * @param labels the classes, int32, (N), for networks conditional on the class
         * @return the images before the sigmoid, (N, C, H, W), on the manager of {@code latents}
         */
        NDArray logits(NDArray latents, NDArray labels);
    }

    /**
     * The bound for a number of samples.
     *
     * @param samples the number k
     * @param value its mean over the examples, in nats
     * @param standardError the examples' standard deviation (n − 1) / √n
     */
    public record Bound(int samples, double value, double standardError) {}

    private final PixelLikelihood pixels;
    private final NDArray logScale;
    private final double exponent;
    private final long seed;
    private final int[] samples;
    private final int most;
    private final double[] sums;
    private final double[] squares;
    private long examples;

    /**
     * Starts a measurement.
     *
     * @param likelihood the distribution of pixels
     * @param logScale the network's scale, (1); null for Bernoulli
     * @param exponent samples have the standard deviation exp(exponent · log variance)
     * @param seed the seed of the noise
     * @param samples the numbers k to measure, each 1 or more
     */
    public ImportanceBound(
            Likelihood likelihood, NDArray logScale, double exponent, long seed, int... samples) {
        pixels = PixelLikelihood.of(likelihood);
        this.logScale = logScale;
        this.exponent = exponent;
        this.seed = SplitMix64.mix(STREAM, seed);
        this.samples = samples.clone();
        int largest = 0;
        for (int k : samples) {
            largest = Math.max(largest, k);
        }
        most = largest;
        sums = new double[samples.length];
        squares = new double[samples.length];
    }

    /**
     * Adds a batch, with one call of the decoder for each sample.
     *
     * @param decoder the decoder
     * @param posterior mean and log variance of the batch's latent variables, float32, (N, L)
     * @param batch the images and labels
     */
    public void add(Decoder decoder, NDList posterior, Minibatch batch) {
        NDManager manager = batch.images().getManager();
        int count = batch.size();
        float[] means = posterior.get(0).toFloatArray();
        double[] deviations = deviations(posterior.get(1).toFloatArray());
        int latent = means.length / count;
        float[] noise = new float[means.length];
        double[][] logWeights = new double[count][most];
        for (int sample = 0; sample < most; sample++) {
            GaussianNoise.fill(noise, seed, sample, examples, count, latent);
            double[] ratios = new double[count];
            for (int i = 0; i < noise.length; i++) {
                double e = noise[i];
                double z = means[i] + deviations[i] * e;
                noise[i] = (float) z;
                ratios[i / latent] += (e * e - z * z) / 2 + Math.log(deviations[i]);
            }
            try (NDManager scope = manager.newSubManager()) {
                NDArray decoded =
                        decoder.logits(
                                scope.create(noise, new Shape(count, latent)), batch.labels());
                float[] costs =
                        pixels.negativeLog(decoded, batch.images(), logScale).toFloatArray();
                for (int i = 0; i < count; i++) {
                    logWeights[i][sample] = ratios[i] - costs[i];
                }
            }
        }
        for (double[] weights : logWeights) {
            for (int j = 0; j < samples.length; j++) {
                double bound = logMeanExp(weights, samples[j]);
                sums[j] += bound;
                squares[j] += bound * bound;
            }
        }
        examples += count;
    }

    /**
     * Returns the bits for each value of an image, an upper bound if the likelihood is one of
     * bytes.
     *
     * @param bound a lower bound of the log-likelihood, in nats an image
     * @param values the number of values C·H·W
     * @return −bound / (C·H·W · ln 2)
     */
    public static double bitsPerDim(double bound, long values) {
        return -bound / (values * Math.log(2));
    }

    private double[] deviations(float[] logVariances) {
        double[] deviations = new double[logVariances.length];
        for (int i = 0; i < deviations.length; i++) {
            deviations[i] = Math.exp(exponent * logVariances[i]);
        }
        return deviations;
    }

    private static double logMeanExp(double[] logs, int count) {
        double largest = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < count; i++) {
            largest = Math.max(largest, logs[i]);
        }
        double sum = 0;
        for (int i = 0; i < count; i++) {
            sum += Math.exp(logs[i] - largest);
        }
        return largest + Math.log(sum / count);
    }

    /**
     * Returns the bounds of the examples so far.
     *
     * @return one for each number of samples, in the order given
     */
    public List<Bound> bounds() {
        List<Bound> bounds = new ArrayList<>();
        for (int j = 0; j < samples.length; j++) {
            double mean = sums[j] / examples;
            double variance = Math.max(0, squares[j] / examples - mean * mean);
            double error = Math.sqrt(variance / (examples - 1));
            bounds.add(new Bound(samples[j], mean, error));
        }
        return bounds;
    }
}
