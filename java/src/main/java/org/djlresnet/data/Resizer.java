package org.djlresnet.data;

import java.util.Arrays;

/**
 * Bilinear resizing of float planes, with the meaning of Pillow's {@code Image.resize(BILINEAR)}
 * and torchvision's {@code resize(antialias=True)}: half-pixel centres, and a triangle that is
 * widened when shrinking, so that every source pixel counts.
 *
 * <p>When enlarging this equals PyTorch's {@code interpolate(mode="bilinear",
 * align_corners=False)}. Rows and columns are done one after the other with weights computed once.
 * Not safe for use by several threads.
 */
public final class Resizer {

    private final int inHeight;
    private final int inWidth;
    private final int outHeight;
    private final int outWidth;
    private final Taps rows;
    private final Taps columns;
    private final float[] narrowed;

    /**
     * @param inHeight height of the source, 1 or more
     * @param inWidth width of the source, 1 or more
     * @param outHeight height of the result, 1 or more
     * @param outWidth width of the result, 1 or more
     * @throws IllegalArgumentException if a length is not positive
     */
    public Resizer(int inHeight, int inWidth, int outHeight, int outWidth) {
        if (inHeight < 1 || inWidth < 1 || outHeight < 1 || outWidth < 1) {
            throw new IllegalArgumentException(
                    "Heights and widths must be 1 or more, received %d×%d to %d×%d"
                            .formatted(inHeight, inWidth, outHeight, outWidth));
        }
        this.inHeight = inHeight;
        this.inWidth = inWidth;
        this.outHeight = outHeight;
        this.outWidth = outWidth;
        rows = Taps.of(inHeight, outHeight);
        columns = Taps.of(inWidth, outWidth);
        narrowed = new float[inHeight * outWidth];
    }

    /**
     * Resizes one plane.
     *
     * @param in the source, rows one after the other
     * @param inStart where the source begins
     * @param out takes the result, rows one after the other
     * @param outStart where the result begins
     */
    public void resize(float[] in, int inStart, float[] out, int outStart) {
        for (int y = 0; y < inHeight; y++) {
            int from = inStart + y * inWidth;
            int to = y * outWidth;
            for (int x = 0; x < outWidth; x++) {
                int source = from + columns.first[x];
                float sum = 0;
                for (int k = columns.start[x]; k < columns.start[x + 1]; k++) {
                    sum += columns.weight[k] * in[source++];
                }
                narrowed[to + x] = sum;
            }
        }
        for (int y = 0; y < outHeight; y++) {
            int to = outStart + y * outWidth;
            Arrays.fill(out, to, to + outWidth, 0);
            int source = rows.first[y] * outWidth;
            for (int k = rows.start[y]; k < rows.start[y + 1]; k++) {
                float weight = rows.weight[k];
                for (int x = 0; x < outWidth; x++) {
                    out[to + x] += weight * narrowed[source + x];
                }
                source += outWidth;
            }
        }
    }

    /** For output i: its first source, and its weights from {@code start[i]} on. */
    private record Taps(int[] first, int[] start, float[] weight) {

        static Taps of(int in, int out) {
            double scale = (double) in / out;
            double radius = Math.max(scale, 1);
            int most = 2 * (int) Math.ceil(radius) + 1;
            int[] first = new int[out];
            int[] start = new int[out + 1];
            float[] weight = new float[Math.multiplyExact(out, most)];
            double[] raw = new double[most];
            for (int i = 0; i < out; i++) {
                double centre = (i + 0.5) * scale;
                first[i] = Math.max((int) (centre - radius + 0.5), 0);
                int end = Math.min((int) (centre + radius + 0.5), in);
                double sum = 0;
                for (int k = first[i]; k < end; k++) {
                    raw[k - first[i]] = Math.max(1 - Math.abs(k + 0.5 - centre) / radius, 0);
                    sum += raw[k - first[i]];
                }
                start[i + 1] = start[i] + end - first[i];
                for (int k = start[i]; k < start[i + 1]; k++) {
                    weight[k] = (float) (raw[k - start[i]] / sum);
                }
            }
            return new Taps(first, start, weight);
        }
    }
}
