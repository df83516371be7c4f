package org.djlresnet.image;

/**
 * Which pixels of a line make each pixel of the resized line, as in Pillow: half-pixel centres, and
 * a filter that is widened when shrinking, so that every source pixel counts.
 *
 * @param first for result i, its first source
 * @param start for result i, its weights are {@code weight[start[i]]} to {@code weight[start[i + 1]
 *     - 1]}
 * @param weight weights, of which those of a result add up to 1
 */
record Taps(int[] first, int[] start, double[] weight) {

    /**
     * Computes weights.
     *
     * @param in pixels of the source line
     * @param out pixels of the resized line
     * @param seen which of them are wanted
     * @param interpolation the filter
     */
    static Taps of(int in, int out, Span seen, Interpolation interpolation) {
        int count = seen.count();
        double scale = (double) in / out;
        double widening = Math.max(scale, 1);
        double radius = interpolation.support() * widening;
        int most = 2 * (int) Math.ceil(radius) + 1;
        int[] first = new int[count];
        int[] start = new int[count + 1];
        double[] weight = new double[Math.multiplyExact(count, Math.min(most, in))];
        for (int i = 0; i < count; i++) {
            double centre = (seen.from() + i + 0.5) * scale;
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

    /** Returns the first source that any result needs. */
    int begin() {
        return first[0];
    }

    /** Returns how many sources there are from the first to the last that any result needs. */
    int sources() {
        int last = count() - 1;
        return first[last] + start[last + 1] - start[last] - first[0];
    }
}
