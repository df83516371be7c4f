package org.djlresnet.image;

import java.util.Arrays;

/**
 * Resizes planes of floats like Pillow's {@code Image.resize} in mode F and torchvision's {@code
 * resize(antialias=True)} on tensors.
 *
 * <p>Bilinear enlarging equals PyTorch's {@code interpolate(mode="bilinear", align_corners=False)}.
 * Not thread-safe.
 */
final class Resizer {

    private final int inWidth;
    private final Taps rows;
    private final Taps columns;
    private final float[] rowWeights;
    private final float[] columnWeights;
    private final float[] narrowed;

    /**
     * Creates a resizer.
     *
     * @param inWidth the width of the source
     * @param rows the taps of the result's rows
     * @param columns the taps of its columns
     */
    Resizer(int inWidth, Taps rows, Taps columns) {
        this.inWidth = inWidth;
        this.rows = rows;
        this.columns = columns;
        rowWeights = floats(rows.weight());
        columnWeights = floats(columns.weight());
        narrowed = new float[Math.multiplyExact(rows.sources(), columns.count())];
    }

    private static float[] floats(double[] values) {
        float[] floats = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            floats[i] = (float) values[i];
        }
        return floats;
    }

    /**
     * Resizes one plane.
     *
     * @param in the source, in row-major order
     * @param inStart the start of the source in {@code in}
     * @param out receives the result from index 0, in row-major order
     */
    void resize(float[] in, int inStart, float[] out) {
        int width = columns.count();
        int[] first = columns.first();
        int[] start = columns.start();
        int to = 0;
        for (int y = rows.begin(); y < rows.begin() + rows.sources(); y++) {
            int from = inStart + y * inWidth;
            for (int x = 0; x < width; x++) {
                int source = from + first[x];
                float sum = 0;
                for (int k = start[x]; k < start[x + 1]; k++) {
                    sum += columnWeights[k] * in[source++];
                }
                narrowed[to++] = sum;
            }
        }
        stack(out, width);
    }

    /** Computes the result's rows from the rows of the final width. */
    private void stack(float[] out, int width) {
        for (int y = 0; y < rows.count(); y++) {
            int to = y * width;
            Arrays.fill(out, to, to + width, 0);
            int source = (rows.first()[y] - rows.begin()) * width;
            for (int k = rows.start()[y]; k < rows.start()[y + 1]; k++) {
                float weight = rowWeights[k];
                for (int x = 0; x < width; x++) {
                    out[to + x] += weight * narrowed[source + x];
                }
                source += width;
            }
        }
    }
}
