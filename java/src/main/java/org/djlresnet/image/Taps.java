package org.djlresnet.image;

/**
 * The source pixels and weights of each pixel of a resized line, as in Pillow: half-pixel centres,
 * and a filter that widens when shrinking, so that every source pixel counts.
 *
 * @param first the first source pixel of each result i
 * @param start the start of the weights of each result i, which end before {@code start[i + 1]}
 * @param weight the weights; those of a result sum to 1
 */
record Taps(int[] first, int[] start, double[] weight) {

    /**
     * Computes weights.
     *
     * @param in the length of the source line
     * @param out the length of the resized line
     * @param kept the part of the resized line to compute
     * @param interpolation the filter
     */
    static Taps of(int in, int out, Span kept, Interpolation interpolation) {
        int count = kept.count();
        double scale = (double) in / out;
        double widening = Math.max(scale, 1);
        double radius = interpolation.support() * widening;
        int most = 2 * (int) Math.ceil(radius) + 1;
        int[] first = new int[count];
        int[] start = new int[count + 1];
        double[] weight = new double[Math.multiplyExact(count, Math.min(most, in))];
        for (int i = 0; i < count; i++) {
            double centre = (kept.from() + i + 0.5) * scale;
            first[i] = Math.max((int) (centre - radius + 0.5), 0);
            int end = Math.min((int) (centre + radius + 0.5), in);
            start[i + 1] = start[i] + end - first[i];
            double sum = 0;
            for (int k = first[i]; k < end; k++) {
                double raw = interpolation.weight(Math.abs(k + 0.5 - centre) / widening);
                weight[start[i] + k - first[i]] = raw;
                sum += raw;
            }
            for (int k = start[i]; k < start[i + 1]; k++) {
                weight[k] /= sum;
            }
        }
        return new Taps(first, start, weight);
    }

    /** Returns the number of results. */
    int count() {
        return first.length;
    }

    /** Returns the first source pixel that any result needs. */
    int begin() {
        return first[0];
    }

    /** Returns the number of source pixels from the first to the last that any result needs. */
    int sources() {
        int last = count() - 1;
        return first[last] + start[last + 1] - start[last] - first[0];
    }
}
