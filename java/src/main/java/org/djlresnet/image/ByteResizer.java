package org.djlresnet.image;

import java.util.Arrays;

/**
 * Resizing of planes of bytes as Pillow's {@code Image.resize} does it, to the last bit: rows
 * become narrower first, then columns shorter, with weights in units of 2^-22, and each of the two
 * results is rounded and clipped to a byte.
 *
 * <p>Source: Pillow, {@code src/libImaging/Resample.c}. Not safe for use by several threads.
 */
final class ByteResizer {

    private static final int BITS = 22;
    private static final int HALF = 1 << (BITS - 1);

    private final int inWidth;
    private final Taps rows;
    private final Taps columns;
    private final int[] rowWeights;
    private final int[] columnWeights;
    private final byte[] narrowed;
    private final int[] sums;

    /**
     * @param inWidth width of the source
     * @param rows what makes the result's rows
     * @param columns what makes its columns
     */
    ByteResizer(int inWidth, Taps rows, Taps columns) {
        this.inWidth = inWidth;
        this.rows = rows;
        this.columns = columns;
        rowWeights = fixed(rows.weight());
        columnWeights = fixed(columns.weight());
        narrowed = new byte[Math.multiplyExact(rows.end() - rows.begin(), columns.count())];
        sums = new int[columns.count()];
    }

    private static int[] fixed(double[] values) {
        int[] fixed = new int[values.length];
        for (int i = 0; i < values.length; i++) {
            fixed[i] = (int) (Math.copySign(0.5, values[i]) + values[i] * (1 << BITS));
        }
        return fixed;
    }

    private static byte clipped(int sum) {
        return (byte) Math.max(0, Math.min(255, sum >> BITS));
    }

    /**
     * Resizes one plane.
     *
     * @param in the source, rows one after the other
     * @param inStart where the source begins
     * @param out takes the result from its beginning on, rows one after the other
     */
    void resize(byte[] in, int inStart, byte[] out) {
        int width = columns.count();
        int[] first = columns.first();
        int[] start = columns.start();
        int to = 0;
        for (int y = rows.begin(); y < rows.end(); y++) {
            int from = inStart + y * inWidth;
            for (int x = 0; x < width; x++) {
                int source = from + first[x];
                int sum = HALF;
                for (int k = start[x]; k < start[x + 1]; k++) {
                    sum += columnWeights[k] * (in[source++] & 0xff);
                }
                narrowed[to++] = clipped(sum);
            }
        }
        stack(out, width);
    }

    /** Makes the result's rows of those that are narrow already. */
    private void stack(byte[] out, int width) {
        for (int y = 0; y < rows.count(); y++) {
            Arrays.fill(sums, HALF);
            int source = (rows.first()[y] - rows.begin()) * width;
            for (int k = rows.start()[y]; k < rows.start()[y + 1]; k++) {
                int weight = rowWeights[k];
                for (int x = 0; x < width; x++) {
                    sums[x] += weight * (narrowed[source + x] & 0xff);
                }
                source += width;
            }
            for (int x = 0; x < width; x++) {
                out[y * width + x] = clipped(sums[x]);
            }
        }
    }
}
