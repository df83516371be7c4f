package org.djlresnet.block;

/** Decomposes small symmetric matrices, the same on every machine: the cyclic Jacobi method. */
public final class SymmetricEigen {

    /** Each sweep squares the error; a dozen suffice for any matrix. */
    private static final int MAX_SWEEPS = 50;

    private static final double TINY = 1e-30;

    private SymmetricEigen() {}

    /**
     * Finds the eigenvectors.
     *
     * @param matrix symmetric, n×n; becomes diagonal, with the eigenvalues
     * @return orthonormal eigenvectors as columns; the largest entry of each is positive
     */
    public static double[][] decompose(double[][] matrix) {
        int n = matrix.length;
        double[][] vectors = new double[n][n];
        for (int i = 0; i < n; i++) {
            vectors[i][i] = 1;
        }
        for (int sweep = 0; sweep < MAX_SWEEPS && !isDiagonal(matrix); sweep++) {
            for (int p = 0; p < n; p++) {
                for (int q = p + 1; q < n; q++) {
                    rotate(matrix, vectors, p, q);
                }
            }
        }
        for (int column = 0; column < n; column++) {
            makeLargestPositive(vectors, column);
        }
        return vectors;
    }

    private static boolean isDiagonal(double[][] matrix) {
        double off = 0;
        double trace = 0;
        for (int i = 0; i < matrix.length; i++) {
            trace += matrix[i][i] * matrix[i][i];
            for (int j = 0; j < i; j++) {
                off += matrix[i][j] * matrix[i][j];
            }
        }
        return off <= TINY * trace;
    }

    /** Makes the entry (p, q) zero. */
    private static void rotate(double[][] matrix, double[][] vectors, int p, int q) {
        if (matrix[p][q] == 0) {
            return;
        }
        double theta = (matrix[q][q] - matrix[p][p]) / (2 * matrix[p][q]);
        double t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        double c = 1 / Math.sqrt(t * t + 1);
        double s = t * c;
        for (int k = 0; k < matrix.length; k++) {
            double kp = matrix[k][p];
            double kq = matrix[k][q];
            matrix[k][p] = c * kp - s * kq;
            matrix[k][q] = s * kp + c * kq;
        }
        for (int k = 0; k < matrix.length; k++) {
            double pk = matrix[p][k];
            double qk = matrix[q][k];
            matrix[p][k] = c * pk - s * qk;
            matrix[q][k] = s * pk + c * qk;
        }
        for (double[] row : vectors) {
            double rp = row[p];
            double rq = row[q];
            row[p] = c * rp - s * rq;
            row[q] = s * rp + c * rq;
        }
    }

    private static void makeLargestPositive(double[][] vectors, int column) {
        double largest = 0;
        for (double[] row : vectors) {
            if (Math.abs(row[column]) > Math.abs(largest)) {
                largest = row[column];
            }
        }
        for (double[] row : vectors) {
            row[column] *= Math.signum(largest);
        }
    }
}
