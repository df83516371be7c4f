package org.djlresnet.augment;

import org.djlresnet.data.SplitMix64;

/** Draws from the symmetric beta distribution. */
final class Beta {

    private Beta() {}

    /**
     * Draws a number.
     *
     * @param alpha both parameters, above 0
     * @param random the generator
     * @return from 0 to 1
     */
    static float draw(double alpha, SplitMix64 random) {
        double first = logGamma(alpha, random);
        double second = logGamma(alpha, random);
        return (float) (1 / (1 + StrictMath.exp(second - first)));
    }

    /**
     * Draws from the gamma distribution and returns the logarithm, because for a small alpha the
     * number itself may underflow: Marsaglia and Tsang, "A Simple Method for Generating Gamma
     * Variables", 2000.
     */
    private static double logGamma(double alpha, SplitMix64 random) {
        double d = alpha + 1 - 1.0 / 3;
        double c = 1 / Math.sqrt(9 * d);
        while (true) {
            double x = random.nextGaussian();
            double root = 1 + c * x;
            double v = root * root * root;
            double u = 1 - random.nextDouble();
            if (v > 0 && StrictMath.log(u) < 0.5 * x * x + d - d * v + d * StrictMath.log(v)) {
                // drawn for alpha + 1; this scales it to alpha
                double power = StrictMath.log(1 - random.nextDouble()) / alpha;
                return StrictMath.log(d * v) + power;
            }
        }
    }
}
