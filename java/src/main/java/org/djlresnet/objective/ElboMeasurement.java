package org.djlresnet.objective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.DoubleStream;
import org.djlresnet.model.Likelihood;

/**
 * The evidence lower bound and its parts, summed in double precision. Its loss is the negative
 * bound, without weight and free bits, so that runs compare; of {@link Likelihood#OPTIMAL_GAUSSIAN}
 * it uses the network's deviation.
 */
public final class ElboMeasurement implements Measurement {

    /** A latent dimension is active if its posterior mean varies by more (Burda et al., 2016). */
    private static final double ACTIVE = 0.01;

    private final Likelihood likelihood;
    private final double exponent;
    private long examples;
    private double reconstructionSum;
    private double klSum;
    private double samplingKlSum;
    private double mseSum;

    /** The examples' values, a row for each. */
    private final StringBuilder rows = new StringBuilder();

    private double elboSquares;

    /** Sums of each latent dimension's means and of their squares. */
    private double[] means = new double[0];

    private double[] squares = new double[0];

    /**
     * Starts a measurement.
     *
     * @param likelihood the distribution of pixels
     */
    public ElboMeasurement(Likelihood likelihood) {
        this(likelihood, 0.5);
    }

    /**
     * Starts a measurement of a network whose sampling distribution may have another deviation than
     * the metric {@code kl} assumes.
     *
     * @param likelihood the distribution of pixels
     * @param exponent samples have the standard deviation exp(exponent · log variance); with 0.5
     *     both are the same
     */
    public ElboMeasurement(Likelihood likelihood, double exponent) {
        this.likelihood = likelihood;
        this.exponent = exponent;
    }

    @Override
    public void add(NDList outputs, Minibatch batch) {
        NDArray decoded = outputs.get(0);
        NDArray logScale = likelihood.hasScale() ? outputs.get(3) : null;
        float[] reconstructions =
                PixelLikelihood.of(likelihood)
                        .negativeLog(decoded, batch.images(), logScale)
                        .toFloatArray();
        float[] errors =
                Elbo.squaredErrors(decoded, batch.images())
                        .reshape(batch.size(), -1)
                        .mean(new int[] {1})
                        .toFloatArray();
        float[] mean = outputs.get(1).toFloatArray();
        float[] logs = outputs.get(2).toFloatArray();
        int latent = mean.length / reconstructions.length;
        if (examples == 0) {
            means = new double[latent];
            squares = new double[latent];
        }
        for (int i = 0; i < reconstructions.length; i++) {
            double kl = 0;
            double samplingKl = 0;
            for (int d = 0; d < latent; d++) {
                double m = mean[i * latent + d];
                double log = logs[i * latent + d];
                kl += (m * m + Math.expm1(log) - log) / 2;
                double samplingLog = 2 * exponent * log;
                samplingKl += (m * m + Math.expm1(samplingLog) - samplingLog) / 2;
                means[d] += m;
                squares[d] += m * m;
            }
            double elbo = -reconstructions[i] - samplingKl;
            reconstructionSum += reconstructions[i];
            klSum += kl;
            samplingKlSum += samplingKl;
            mseSum += errors[i];
            rows.append(',').append(examples + i).append(',').append((float) elbo);
            rows.append(',').append(reconstructions[i]).append(',').append((float) kl);
            rows.append(',').append(errors[i]).append('\n');
            elboSquares += elbo * elbo;
        }
        examples += reconstructions.length;
    }

    @Override
    public long examples() {
        return examples;
    }

    @Override
    public Map<String, Double> metrics() {
        double loss = (reconstructionSum + klSum) / examples;
        Map<String, Double> metrics = new LinkedHashMap<>();
        metrics.put(Metric.LOSS, loss);
        metrics.put(Elbo.ELBO, -loss);
        metrics.put(Elbo.RECONSTRUCTION, reconstructionSum / examples);
        metrics.put(Elbo.KL, klSum / examples);
        metrics.put(Elbo.MSE, mseSum / examples);
        return metrics;
    }

    /**
     * Returns the mean KL divergence of the sampling distribution from the prior.
     *
     * @return nats an image; the metric {@code kl} if the exponent is 0.5
     */
    public double samplingKl() {
        return samplingKlSum / examples;
    }

    /**
     * Returns the standard error of the mean lower bound, for the sampling distribution.
     *
     * @return the examples' standard deviation (n − 1) / √n, in nats
     */
    public double elboError() {
        return Math.sqrt(variance(reconstructionSum + samplingKlSum, elboSquares) / examples);
    }

    /**
     * Returns how much the posterior mean of each latent dimension varies.
     *
     * @return the variance (n − 1) over the examples, by dimension
     */
    public double[] meanVariances() {
        double[] variances = new double[means.length];
        for (int d = 0; d < variances.length; d++) {
            variances[d] = variance(means[d], squares[d]);
        }
        return variances;
    }

    /**
     * Returns the number of active units: latent dimensions whose posterior mean has a variance
     * above 0.01.
     *
     * @return 0 to L
     */
    public int activeUnits() {
        return (int) DoubleStream.of(meanVariances()).filter(one -> one > ACTIVE).count();
    }

    /**
     * Returns a row for each example, in the columns {@code epoch, example, elbo, reconstruction,
     * kl, mse}.
     */
    @Override
    public String predictions(int epoch) {
        String table = rows.toString().replaceAll("(?m)^,", epoch + ",");
        return "epoch,example,elbo,reconstruction,kl,mse\n" + table;
    }

    private double variance(double sum, double squareSum) {
        return Math.max(0, squareSum - sum * sum / examples) / (examples - 1);
    }
}
