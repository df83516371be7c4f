package org.djlresnet.data;

/** Shuffles the examples of an epoch, as a pure function of seed and epoch. */
public final class EpochOrder {

    private EpochOrder() {}

    /**
     * Shuffles 0 to n-1 with the Fisher–Yates algorithm.
     *
     * @param seed the run's seed
     * @param epoch the epoch
     * @param n the number of examples, 0 or more
     * @return the indices 0 to n-1, each once
     */
    public static int[] of(long seed, int epoch, int n) {
        int[] order = new int[n];
        for (int i = 0; i < n; i++) {
            order[i] = i;
        }
        SplitMix64 random = new SplitMix64(SplitMix64.mix(seed, epoch));
        for (int i = n - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            int moved = order[i];
            order[i] = order[j];
            order[j] = moved;
        }
        return order;
    }
}
