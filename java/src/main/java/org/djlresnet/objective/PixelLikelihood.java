package org.djlresnet.objective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.nn.Activation;
import org.djlresnet.model.Likelihood;

/** The distribution of an image given its latent variables, independent by pixel. */
public sealed interface PixelLikelihood {

    /**
     * Returns the distribution of a likelihood.
     *
     * @param likelihood the likelihood
     * @return the distribution
     */
    static PixelLikelihood of(Likelihood likelihood) {
        return switch (likelihood) {
            case BERNOULLI -> new Bernoulli();
            case GAUSSIAN -> new Gaussian(true);
            case OPTIMAL_GAUSSIAN -> new Gaussian(false);
            case DISCRETIZED_LOGISTIC -> new DiscretizedLogistic();
        };
    }

    /**
     * Returns the negative log-likelihood of each image.
     *
     * @param decoded the network's output before the sigmoid, float32, (N, C, H, W)
     * @param images the images, float32, (N, C, H, W), from 0 to 1
     * @param logScale the network's scale, (1) or a scalar; null for Bernoulli
     * @return in nats, (N), differentiable, on the manager of {@code decoded}
     */
    NDArray negativeLog(NDArray decoded, NDArray images, NDArray logScale);

    /**
     * Returns {@link #negativeLog} as TorchScript: a method {@code negative_log(decoded, x,
     * log_scale)}.
     *
     * @return the method, indented by two spaces
     */
    String program();

    private static NDArray sum(NDArray pixels) {
        return pixels.sum(new int[] {1, 2, 3});
    }

    /**
     * Creates a scalar on a manager. The left operand's manager owns the result. DJL frees the
     * array it makes of a number before the backward pass, which needs factors.
     */
    private static NDArray scalar(NDManager manager, double value) {
        return manager.create((float) value);
    }

    private static String method(String body) {
        return "  def negative_log(self: __torch__.Program, decoded: Tensor, x: Tensor, log_scale:"
                + " Tensor) -> Tensor:\n"
                + body.indent(4);
    }

    /**
     * Bernoulli with logits d: {@code Σ ln(1 + e^d) − x·d}, the binary cross-entropy. It is a
     * likelihood only of black and white images.
     */
    record Bernoulli() implements PixelLikelihood {

        @Override
        public NDArray negativeLog(NDArray decoded, NDArray images, NDArray logScale) {
            return sum(Activation.softPlus(decoded).sub(decoded.mul(images)));
        }

        @Override
        public String program() {
            return method(
                    """
                    costs = torch.binary_cross_entropy_with_logits(decoded, x, None, None, 0)
                    return torch.sum(costs, [1, 2, 3])
                    """);
        }
    }

    /**
     * Gaussian with mean μ = sigmoid(d) and one standard deviation: {@code Σ (x − μ)² / 2σ² + ln σ
     * + ½ ln 2π}, a density over pixels from 0 to 1. Above −6, where a perfect image would lead,
     * {@code ln σ} is the network's scale s: with a gradient everywhere, {@code −6 + softplus(s +
     * 6)}, or exactly, {@code max(s, −6)}.
     *
     * <p>Source: Rybkin et al., "Simple and Effective VAE Training with Calibrated Decoders", 2021.
     *
     * @param learned whether the limit has a gradient everywhere
     */
    record Gaussian(boolean learned) implements PixelLikelihood {

        static final double LOWEST = -6;
        private static final double CONSTANT = 0.5 * Math.log(2 * Math.PI);

        @Override
        public NDArray negativeLog(NDArray decoded, NDArray images, NDArray logScale) {
            NDManager manager = decoded.getManager();
            NDArray squares = sum(Activation.sigmoid(decoded).sub(images).square());
            NDArray above = scalar(manager, -LOWEST).add(logScale);
            NDArray logs = (learned ? Activation.softPlus(above) : above.maximum(0)).add(LOWEST);
            NDArray precision = logs.mul(scalar(manager, -2)).exp().mul(scalar(manager, 0.5));
            long pixels = decoded.size() / squares.size();
            NDArray normalizer = logs.add(CONSTANT).mul(scalar(manager, pixels));
            return squares.mul(precision).add(normalizer);
        }

        @Override
        public String program() {
            return method(
                    """
                    errors = torch.sub(torch.sigmoid(decoded), x)
                    squares = torch.sum(torch.square(errors), [1, 2, 3])
                    logs = torch.add(torch.%3$s(torch.sub(log_scale, %1$s)), %1$s)
                    precision = torch.mul(torch.exp(torch.mul(logs, -2.)), 0.5)
                    pixels = torch.floordiv(torch.numel(decoded), torch.size(decoded, 0))
                    normalizer = torch.mul(torch.add(logs, %2$s), pixels)
                    return torch.add(torch.mul(squares, precision), normalizer)
                    """
                            .formatted(LOWEST, CONSTANT, learned ? "softplus" : "relu"));
        }
    }

    /**
     * Logistic with mean μ = sigmoid(d) and scale e^s, summed over the bin of each of a byte's 256
     * values, which are x = 0, 1/255 … 1. The first bin has no lower limit, the last no upper one:
     *
     * <pre>
     * P(x) = σ(b) − σ(a),  a, b = (x − μ ∓ 1/510) / e^s
     *      = σ(b) · σ(−a) · (1 − e^(a − b))
     * </pre>
     *
     * <p>The second form is exact far from the mean. Source: Kingma et al., "Improved Variational
     * Inference with Inverse Autoregressive Flow", 2016; Salimans et al., "PixelCNN++", 2017.
     */
    record DiscretizedLogistic() implements PixelLikelihood {

        private static final double HALF_BIN = 1.0 / 510;

        @Override
        public NDArray negativeLog(NDArray decoded, NDArray images, NDArray logScale) {
            NDManager manager = decoded.getManager();
            NDArray inverse = scalar(manager, -1).mul(logScale).exp();
            NDArray errors = Activation.sigmoid(decoded).neg().add(images);
            NDArray below = Activation.softPlus(errors.sub(HALF_BIN).mul(inverse));
            NDArray above = Activation.softPlus(errors.add(HALF_BIN).mul(inverse).neg());
            // 1 − e^(−2h) = 2 tanh h / (1 + tanh h), without cancellation
            NDArray tanh = inverse.mul(scalar(manager, HALF_BIN)).tanh();
            NDArray width = tanh.div(tanh.add(1)).mul(scalar(manager, 2)).log();
            NDArray notFirst = scalar(manager, HALF_BIN).lt(images).toType(DataType.FLOAT32, false);
            NDArray notLast =
                    scalar(manager, 1 - HALF_BIN).gt(images).toType(DataType.FLOAT32, false);
            NDArray limits = below.mul(notFirst).add(above.mul(notLast));
            return sum(limits.sub(width.mul(notFirst.mul(notLast))));
        }

        @Override
        public String program() {
            return method(
                    """
                    inverse = torch.exp(torch.neg(log_scale))
                    errors = torch.sub(x, torch.sigmoid(decoded))
                    below = torch.softplus(torch.mul(torch.sub(errors, %1$s), inverse))
                    above = torch.softplus(torch.neg(torch.mul(torch.add(errors, %1$s), inverse)))
                    tanh = torch.tanh(torch.mul(inverse, %1$s))
                    width = torch.log(torch.mul(torch.div(tanh, torch.add(tanh, 1)), 2.))
                    not_first = torch.to(torch.gt(x, %1$s), decoded)
                    not_last = torch.to(torch.lt(x, %2$s), decoded)
                    limits = torch.add(torch.mul(below, not_first), torch.mul(above, not_last))
                    widths = torch.mul(width, torch.mul(not_first, not_last))
                    return torch.sum(torch.sub(limits, widths), [1, 2, 3])
                    """
                            .formatted(HALF_BIN, 1 - HALF_BIN));
        }
    }
}
