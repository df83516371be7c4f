package org.djlresnet.image;

import java.util.Arrays;

/**
 * Resizes planes of bytes, bit for bit as Pillow's {@code Image.resize}: one axis after the other,
 * with weights in units of 2^-22, rounding and clipping to bytes after each axis.
 *
 * <p>Rows come first, unless the height shrinks by more than twice as many pixels as the width.
 * This is the order of Pillow 13; earlier versions always started with rows, and round such images
 * differently.
 *
 * <p>Source: Pillow, {@code src/libImaging/Resample.c}. Not thread-safe.
 */
final class ByteResizer {

    private static final int BITS = 22;
    private static final int HALF = 1 << (BITS - 1);

    private final int inWidth;
    private final Taps rows;
    private final Taps columns;
    private final int[] rowWeights;
    private final int[] columnWeights;
    private final boolean columnsFirst;
    private final byte[] between;
    private final int[] sums;

    /**
     * Creates a resizer.
     *
     * @param geometry the sizes of source and result
     * @param rows the taps of the result's rows
     * @param columns the taps of its columns
     */
    ByteResizer(Geometry geometry, Taps rows, Taps columns) {
        this.rows = rows;
        this.columns = columns;
        rowWeights = fixed(rows.weight());
        columnWeights = fixed(columns.weight());
        inWidth = geometry.in().width();
        long lost = (long) geometry.in().height() - geometry.height();
        columnsFirst = lost > 0 && lost > 2 * ((long) inWidth - geometry.width());
        int length =
                columnsFirst
                        ? Math.multiplyExact(rows.count(), columns.sources())
                        : Math.multiplyExact(rows.sources(), columns.count());
        between = new byte[length];
        sums = new int[Math.max(columns.sources(), columns.count())];
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
     * @param in the source, in row-major order
     * @param inStart the start of the source in {@code in}
     * @param out receives the result from index 0, in row-major order
     */
    void resize(byte[] in, int inStart, byte[] out) {
        if (columnsFirst) {
            int width = columns.sources();
            alongColumns(in, inStart + columns.begin(), inWidth, width, between);
            alongRows(between, -columns.begin(), width, rows.count(), out);
        } else {
            int width = columns.count();
            alongRows(in, inStart + rows.begin() * inWidth, inWidth, rows.sources(), between);
            alongColumns(between, -rows.begin() * width, width, width, out);
        }
    }

    private void alongRows(byte[] in, int inStart, int stride, int lines, byte[] out) {
        int[] first = columns.first();
        int[] start = columns.start();
        int width = columns.count();
        int to = 0;
        for (int y = 0; y < lines; y++) {
            int from = inStart + y * stride;
            for (int x = 0; x < width; x++) {
                int source = from + first[x];
                int sum = HALF;
                for (int k = start[x]; k < start[x + 1]; k++) {
                    sum += columnWeights[k] * (in[source++] & 0xff);
                }
                out[to++] = clipped(sum);
            }
        }
    }

    private void alongColumns(byte[] in, int inStart, int stride, int width, byte[] out) {
        int to = 0;
        for (int y = 0; y < rows.count(); y++) {
            Arrays.fill(sums, 0, width, HALF);
            int source = inStart + rows.first()[y] * stride;
            for (int k = rows.start()[y]; k < rows.start()[y + 1]; k++) {
                int weight = rowWeights[k];
                for (int x = 0; x < width; x++) {
                    sums[x] += weight * (in[source + x] & 0xff);
                }
                source += stride;
            }
            for (int x = 0; x < width; x++) {
                out[to++] = clipped(sums[x]);
            }
        }
    }
}
