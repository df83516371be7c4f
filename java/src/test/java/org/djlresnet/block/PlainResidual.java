package org.djlresnet.block;

/**
 * A residual block's forward pass in training mode, in plain loops and double precision, as the
 * reference for tests.
 */
final class PlainResidual {

    private static final double EPSILON = 1e-5;

    private PlainResidual() {}

    /** The weights of a convolution, (out, in, size, size), and its biases. */
    record Convolution(double[][][][] weight, double[] bias, int stride) {

        double[][][][] apply(double[][][][] x) {
            int size = weight[0][0].length;
            int padding = size / 2;
            int height = (x[0][0].length + 2 * padding - size) / stride + 1;
            int width = (x[0][0][0].length + 2 * padding - size) / stride + 1;
            double[][][][] y = new double[x.length][weight.length][height][width];
            for (int n = 0; n < x.length; n++) {
                for (int o = 0; o < weight.length; o++) {
                    for (int i = 0; i < height; i++) {
                        for (int j = 0; j < width; j++) {
                            y[n][o][i][j] = at(x[n], o, i * stride - padding, j * stride - padding);
                        }
                    }
                }
            }
            return y;
        }

        private double at(double[][][] x, int o, int top, int left) {
            double sum = bias[o];
            for (int c = 0; c < x.length; c++) {
                for (int i = 0; i < weight[o][c].length; i++) {
                    for (int j = 0; j < weight[o][c].length; j++) {
                        int row = top + i;
                        int column = left + j;
                        if (row >= 0
                                && row < x[c].length
                                && column >= 0
                                && column < x[c][row].length) {
                            sum += weight[o][c][i][j] * x[c][row][column];
                        }
                    }
                }
            }
            return sum;
        }
    }

    /** The gamma and beta of a batch normalization. */
    record Norm(double[] gamma, double[] beta) {

        double[][][][] apply(double[][][][] x) {
            double[][][][] y = like(x);
            for (int c = 0; c < gamma.length; c++) {
                double mean = 0;
                double count = (double) x.length * x[0][c].length * x[0][c][0].length;
                for (double[][][] image : x) {
                    for (double[] row : image[c]) {
                        for (double value : row) {
                            mean += value / count;
                        }
                    }
                }
                double variance = 0;
                for (double[][][] image : x) {
                    for (double[] row : image[c]) {
                        for (double value : row) {
                            variance += (value - mean) * (value - mean) / count;
                        }
                    }
                }
                double scale = gamma[c] / Math.sqrt(variance + EPSILON);
                for (int n = 0; n < x.length; n++) {
                    for (int i = 0; i < x[n][c].length; i++) {
                        for (int j = 0; j < x[n][c][i].length; j++) {
                            y[n][c][i][j] = (x[n][c][i][j] - mean) * scale + beta[c];
                        }
                    }
                }
            }
            return y;
        }
    }

    static double[][][][] apply(
            double[][][][] x,
            Convolution conv1,
            Norm bn1,
            Convolution conv2,
            Norm bn2,
            Convolution projection) {
        double[][][][] branch = bn2.apply(conv2.apply(relu(bn1.apply(conv1.apply(x)))));
        double[][][][] shortcut = projection == null ? x : projection.apply(x);
        double[][][][] sum = like(branch);
        for (int n = 0; n < sum.length; n++) {
            for (int c = 0; c < sum[n].length; c++) {
                for (int i = 0; i < sum[n][c].length; i++) {
                    for (int j = 0; j < sum[n][c][i].length; j++) {
                        sum[n][c][i][j] = branch[n][c][i][j] + shortcut[n][c][i][j];
                    }
                }
            }
        }
        return relu(sum);
    }

    private static double[][][][] relu(double[][][][] x) {
        double[][][][] y = like(x);
        for (int n = 0; n < x.length; n++) {
            for (int c = 0; c < x[n].length; c++) {
                for (int i = 0; i < x[n][c].length; i++) {
                    for (int j = 0; j < x[n][c][i].length; j++) {
                        y[n][c][i][j] = Math.max(0, x[n][c][i][j]);
                    }
                }
            }
        }
        return y;
    }

    private static double[][][][] like(double[][][][] x) {
        return new double[x.length][x[0].length][x[0][0].length][x[0][0][0].length];
    }

    /** Reshapes a flat row-major array to four dimensions. */
    static double[][][][] fold(float[] flat, long[] shape) {
        double[][][][] folded =
                new double[(int) shape[0]][(int) shape[1]][(int) shape[2]][(int) shape[3]];
        int k = 0;
        for (double[][][] a : folded) {
            for (double[][] b : a) {
                for (double[] c : b) {
                    for (int i = 0; i < c.length; i++) {
                        c[i] = flat[k++];
                    }
                }
            }
        }
        return folded;
    }
}
