package org.djlresnet.data;

/**
 * A pseudorandom number generator that gives the same stream for a seed on every machine and Java
 * version.
 *
 * <p>Algorithm: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014. Not
 * thread-safe.
 */
public final class SplitMix64 {

    private static final long GOLDEN = 0x9e3779b97f4a7c15L;

    private long state;
    private double spare = Double.NaN;

    /**
     * Creates a generator.
     *
     * @param seed any value
     */
    public SplitMix64(long seed) {
        state = seed;
    }

    /**
     * Hashes several values, in order, to one seed.
     *
     * @param values for example a seed, an epoch and an example
     * @return the seed
     */
    public static long mix(long... values) {
        long hash = GOLDEN * values.length;
        for (long value : values) {
            hash = scramble(scramble(value + GOLDEN) ^ (hash + GOLDEN));
        }
        return hash;
    }

    /**
     * Returns a random integer.
     *
     * @return any of the 2^64 values
     */
    public long nextLong() {
        state += GOLDEN;
        return scramble(state);
    }

    /**
     * Returns a uniformly distributed integer.
     *
     * @param bound 1 or more
     * @return 0 to {@code bound - 1}
     * @throws IllegalArgumentException if the bound is not positive
     */
    public int nextInt(int bound) {
        if (bound <= 0) {
            throw new IllegalArgumentException(
                    "bound must be at least 1. Received: " + bound + ".");
        }
        // reject values from the incomplete last range, which would bias the result
        long limit = Long.MAX_VALUE - Long.MAX_VALUE % bound;
        long bits;
        do {
            bits = nextLong() >>> 1;
        } while (bits >= limit);
        return (int) (bits % bound);
    }

    /**
     * Returns a uniformly distributed number.
     *
     * @return a multiple of 2^-24 in [0, 1)
     */
    public float nextFloat() {
        return (nextLong() >>> 40) * 0x1p-24f;
    }

    /**
     * Returns a uniformly distributed number.
     *
     * @return a multiple of 2^-53 in [0, 1)
     */
    public double nextDouble() {
        return (nextLong() >>> 11) * 0x1p-53;
    }

    /**
     * Draws from the standard normal distribution by Marsaglia's polar method.
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
        // unlike Math.log, StrictMath.log gives the same digits on every machine
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
