package org.djlresnet.data;

/**
 * Standard normal noise without hidden state: an example's values are a pure function of (seed,
 * step, example), whichever batch it is in.
 */
public final class GaussianNoise {

    private static final long STREAM = "noise".hashCode();

    private GaussianNoise() {}

    /**
     * Draws the noise of consecutive examples.
     *
     * @param into where to write it, row-major (count, latent); values after that are kept
     * @param seed any value
     * @param step the step of a run, or the number of an evaluation's sample
     * @param firstExample the number of the first example
     * @param count the number of examples
     * @param latent the number of values for each example; more of them do not change the first
     */
    public static void fill(
            float[] into, long seed, long step, long firstExample, int count, int latent) {
        for (int i = 0; i < count; i++) {
            long example = SplitMix64.mix(STREAM, seed, step, firstExample + i);
            SplitMix64 random = new SplitMix64(example);
            for (int place = 0; place < latent; place++) {
                into[i * latent + place] = (float) random.nextGaussian();
            }
        }
    }
}
