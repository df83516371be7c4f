package org.djlresnet.objective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Activation;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.Likelihood;
import org.djlresnet.model.Network;

/**
 * The objective of a variational autoencoder: the evidence lower bound (ELBO) of an image x with
 * latent variables z, in nats.
 *
 * <pre>
 * reconstruction = −ln p(x | z)
 * kl             = Σ_d ½ (mean_d² + e^log_variance_d − 1 − log_variance_d)
 * elbo           = −(reconstruction + kl)
 * loss           = reconstruction + weight · Σ_d max(free bits, kl_d, a mean over the batch)
 * </pre>
 *
 * <p>A network as published by Keng (2018) has the same formulas with {@link Likelihood#BERNOULLI},
 * but samples z with the deviation e^log_variance, so that its {@code elbo} is no bound.
 *
 * <p>The network's outputs are the decoded image before the sigmoid, (N, C, H, W), the posterior's
 * mean and log-variance, (N, L), and, unless the likelihood is Bernoulli, its scale, (1); all
 * float32. Source: Kingma and Welling, "Auto-Encoding Variational Bayes", 2014; Higgins et al.,
 * "beta-VAE", 2017; Kingma et al., "Improved Variational Inference with Inverse Autoregressive
 * Flow", 2016 (free bits); Rybkin et al., "Simple and Effective VAE Training with Calibrated
 * Decoders", 2021 (the optimal deviation).
 *
 * @param likelihood the distribution of pixels; with {@link Likelihood#OPTIMAL_GAUSSIAN} its
 *     deviation is that of the batch in training and the network's in evaluation
 * @param freeBits the KL divergence of each latent dimension that costs nothing, in nats
 */
public record Elbo(Likelihood likelihood, double freeBits) implements Objective {

    /** The metric that is the lower bound. */
    public static final String ELBO = "elbo";

    /** The metric that is the negative log-likelihood. */
    public static final String RECONSTRUCTION = "reconstruction";

    /** The metric that is the KL divergence of the posterior from the prior. */
    public static final String KL = "kl";

    /** The metric that is the mean squared error of a pixel. */
    public static final String MSE = "mse";

    /** The name of the network's tensor that is the logarithm of the scale. */
    public static final String SCALE = "likelihood.log_scale";

    private static final Metric ELBO_METRIC = new Metric(ELBO, true);

    private static final String LOSS =
            """
              def loss(self: __torch__.Program, outputs: List[Tensor], x: Tensor, weight: Tensor) -> List[Tensor]:
                decoded = outputs[0]
                mean = outputs[1]
                logs = outputs[2]
                pixels = torch.sigmoid(torch.detach(decoded))
                mse = torch.mean(torch.square(torch.sub(pixels, x)))
                log_scale = %s
                reconstruction = torch.mean((self).negative_log(decoded, x, log_scale, ))
                terms = torch.add(torch.square(mean), torch.sub(torch.exp(logs), logs))
                divergences = torch.mul(torch.mean(torch.sub(terms, 1), [0]), 0.5)
                kl = torch.sum(divergences)
                costs = %s
                loss = torch.add(reconstruction, torch.mul(costs, weight))
                elbo = torch.neg(torch.add(reconstruction, kl))
                count = torch.size(x, 0)
                sums = [loss]
                for value in [elbo, reconstruction, kl, mse]:
                  _0 = torch.append(sums, torch.mul(torch.detach(value), count))
                return sums
            """;

    @Override
    public List<Metric> metrics() {
        return List.of(
                new Metric(Metric.LOSS, false),
                ELBO_METRIC,
                new Metric(RECONSTRUCTION, false),
                new Metric(KL, false),
                new Metric(MSE, false));
    }

    @Override
    public Metric selection() {
        return ELBO_METRIC;
    }

    @Override
    public Metric plateau() {
        return ELBO_METRIC;
    }

    @Override
    public Value apply(NDList outputs, Minibatch batch) {
        NDArray decoded = outputs.get(0);
        NDArray mean = outputs.get(1);
        NDArray logs = outputs.get(2);
        NDManager manager = decoded.getManager();
        // an array, because autograd keeps factors, and DJL frees the memory of numbers too early
        NDArray half = manager.create(0.5f);
        NDArray mse = squaredErrors(decoded.stopGradient(), batch.images()).mean();
        NDArray logScale =
                switch (likelihood) {
                    case BERNOULLI -> null;
                    case OPTIMAL_GAUSSIAN -> mse.log().mul(half);
                    default -> outputs.get(3);
                };
        NDArray reconstruction =
                PixelLikelihood.of(likelihood)
                        .negativeLog(decoded, batch.images(), logScale)
                        .mean();
        NDArray terms = mean.square().add(logs.exp().sub(logs)).sub(1);
        NDArray divergences = terms.mean(new int[] {0}).mul(half);
        NDArray kl = divergences.sum();
        NDArray costs =
                freeBits == 0 ? kl : divergences.maximum(manager.create((float) freeBits)).sum();
        NDArray loss = reconstruction.add(costs.mul(batch.klWeight()));
        Map<String, NDArray> sums = new LinkedHashMap<>();
        sums.put(ELBO, reconstruction.add(kl).neg());
        sums.put(RECONSTRUCTION, reconstruction);
        sums.put(KL, kl);
        sums.put(MSE, mse);
        sums.replaceAll((name, value) -> value.stopGradient().mul(batch.size()));
        return new Value(loss, sums);
    }

    /** With the optimal deviation, evaluations use that of the training data. */
    @Override
    public void epochEnded(Map<String, Double> metrics, Network network) {
        if (likelihood != Likelihood.OPTIMAL_GAUSSIAN) {
            return;
        }
        // a perfect image would lead to minus infinity
        double logDeviation =
                Math.max(PixelLikelihood.Gaussian.LOWEST, 0.5 * Math.log(metrics.get(MSE)));
        NDArray scale = network.stateDict().get(SCALE);
        try (NDArray value = scale.getManager().create(new float[] {(float) logDeviation})) {
            EngineTraits.of(network.manager().getEngine()).assign(scale, value);
        }
    }

    @Override
    public String program() {
        String logScale =
                switch (likelihood) {
                    case BERNOULLI -> "decoded";
                    case OPTIMAL_GAUSSIAN -> "torch.mul(torch.log(mse), 0.5)";
                    default -> "outputs[3]";
                };
        String costs =
                freeBits == 0 ? "kl" : "torch.sum(torch.clamp_min(divergences, " + freeBits + "))";
        return PixelLikelihood.of(likelihood).program() + LOSS.formatted(logScale, costs);
    }

    @Override
    public ElboMeasurement measurement() {
        return new ElboMeasurement(likelihood);
    }

    /** Returns the squared errors of pixels, (N, C, H, W). */
    static NDArray squaredErrors(NDArray decoded, NDArray images) {
        return Activation.sigmoid(decoded).sub(images).square();
    }
}
