package org.djlresnet.augment;

import org.djlresnet.data.SplitMix64;

/**
 * Everything that a random transform depends on.
 *
 * @param seed the run's seed
 * @param epoch the number of completed epochs
 * @param example the index of the example
 * @param place the index of the augmentation in the list
 */
record Draw(long seed, int epoch, int example, int place) {

    private static final long IMAGE = 0x61756761;
    private static final long FIRST_FLIP = 0x666c6970;

    /** Returns a new generator for this draw. */
    SplitMix64 random() {
        return new SplitMix64(SplitMix64.mix(IMAGE, seed, epoch, example, place));
    }

    /** Returns whether the example is flipped in even epochs rather than in odd ones. */
    boolean isEven() {
        return (SplitMix64.mix(FIRST_FLIP, seed, example) & 1) == 0;
    }
}
