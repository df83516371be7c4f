package org.djlresnet.image;

import java.util.Arrays;

/**
 * Resizing of float planes, with the meaning of Pillow's {@code Image.resize} in its mode F and of
 * torchvision's {@code resize(antialias=True)} on tensors.
 *
 * <p>When enlarging bilinearly this equals PyTorch's {@code interpolate(mode="bilinear",
 * align_corners=False)}. Rows and columns are done one after the other with weights computed once.
 * Not safe for use by several threads.
 */
final class Resizer {

    private final int inWidth;
    private final Taps rows;
    private final Taps columns;
    private final float[] rowWeights;
    private final float[] columnWeights;
    private final float[] narrowed;

    /**
     * @param inWidth width of the source
     * @param rows what makes the result's rows
     * @param columns what makes its columns
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
     * @param in the source, rows one after the other
     * @param inStart where the source begins
     * @param out takes the result from its beginning on, rows one after the other
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

    /** Makes the result's rows of those that are narrow already. */
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
