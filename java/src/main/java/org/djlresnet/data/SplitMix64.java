package org.djlresnet.data;

/**
 * A small generator of random numbers whose stream is fixed by its seed on every machine and Java.
 *
 * <p>Algorithm: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014. Not
 * safe for use by several threads.
 */
public final class SplitMix64 {

    private static final long GOLDEN = 0x9e3779b97f4a7c15L;

    private long state;
    private double spare = Double.NaN;

    /**
     * @param seed any value; equal seeds give equal streams
     */
    public SplitMix64(long seed) {
        state = seed;
    }

    /**
     * Makes one seed of several values, so that each of them and their order counts.
     *
     * @param values for example a seed, an epoch and an example
     * @return a well mixed value
     */
    public static long mix(long... values) {
        long hash = GOLDEN * values.length;
        for (long value : values) {
            hash = scramble(scramble(value + GOLDEN) ^ (hash + GOLDEN));
        }
        return hash;
    }

    /**
     * @return any of the 2^64 values
     */
    public long nextLong() {
        state += GOLDEN;
        return scramble(state);
    }

    /**
     * Returns an integer below a bound, each with the same probability.
     *
     * @param bound 1 or more
     * @return 0 to {@code bound - 1}
     * @throws IllegalArgumentException if the bound is not positive
     */
    public int nextInt(int bound) {
        if (bound <= 0) {
            throw new IllegalArgumentException("bound must be 1 or more, received " + bound);
        }
        // 63 bits leave an incomplete last range, which is drawn again
        long limit = Long.MAX_VALUE - Long.MAX_VALUE % bound;
        long bits;
        do {
            bits = nextLong() >>> 1;
        } while (bits >= limit);
        return (int) (bits % bound);
    }

    /**
     * @return a multiple of 2^-24 in [0, 1)
     */
    public float nextFloat() {
        return (nextLong() >>> 40) * 0x1p-24f;
    }

    /**
     * Draws from the normal distribution of mean 0 and variance 1 by Marsaglia's polar method.
     *
     * @return any finite value
     */
    public double nextGaussian() {
        if (!Double.isNaN(spare)) {
            double value = spare;
            spare = Double.NaN;
            return value;
        }
        double u;
        double v;
        double square;
        do {
            u = (nextLong() >> 10) * 0x1p-53;
            v = (nextLong() >> 10) * 0x1p-53;
            square = u * u + v * v;
        } while (square >= 1 || square == 0);
        // Math.log may differ between machines in the last digit, StrictMath.log may not
        double scale = Math.sqrt(-2 * StrictMath.log(square) / square);
        spare = v * scale;
        return u * scale;
    }

    private static long scramble(long value) {
        long z = (value ^ (value >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }
}
