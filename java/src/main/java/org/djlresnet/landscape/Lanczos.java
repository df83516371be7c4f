package org.djlresnet.landscape;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;
import org.djlresnet.block.SymmetricEigen;
import org.djlresnet.engine.TorchScript;

/**
 * Approximates the outermost eigenvalues of a symmetric matrix from its products, by Lanczos's
 * method with full reorthogonalization.
 *
 * <p>Each product extends an orthonormal basis by one vector, and the matrix in this basis is
 * tridiagonal. Its eigenvalues approach those of the matrix, the outermost first. Every vector is
 * made orthogonal to all before it twice, so that rounding creates no copies of eigenvalues. The
 * basis takes 4 bytes for each number: 4 · n · iterations.
 *
 * <p>Source: Parlett, "The Symmetric Eigenvalue Problem", 1980, chapter 13.
 */
final class Lanczos implements AutoCloseable {

    private static final String METHODS =
            """
              def put(self: __torch__.Program, q: Tensor, j: Tensor, v: Tensor) -> Tensor:
                return torch.copy_(torch.select(q, 0, int(j)), v)
              def orthogonal(self: __torch__.Program, q: Tensor, j: Tensor, v: Tensor) -> Tensor:
                basis = torch.slice(q, 0, 0, int(j), 1)
                first = torch.sub(v, torch.mv(torch.t(basis), torch.mv(basis, v)))
                return torch.sub(first, torch.mv(torch.t(basis), torch.mv(basis, first)))
              def combine(self: __torch__.Program, q: Tensor, c: Tensor) -> Tensor:
                basis = torch.slice(q, 0, 0, torch.size(c, 0), 1)
                return torch.mv(torch.t(basis), c)
            """;

    /** Below this part of the largest entry, what a product adds to the basis is rounding. */
    private static final double NOTHING_NEW = 1e-6;

    private final NDManager manager;
    private final TorchScript program;
    private final NDArray basis;
    private final int most;
    private final List<Double> diagonal = new ArrayList<>();
    private final List<Double> offDiagonal = new ArrayList<>();
    private double[] values = {};
    private double[][] vectors = {};

    /**
     * An approximate eigenvalue.
     *
     * @param value the eigenvalue
     * @param residual the estimate of ‖Hu − value · u‖ for its unit vector u; some eigenvalue is at
     *     most this far
     * @param column its column among the eigenvectors
     */
    record Ritz(double value, double residual, int column) {}

    /**
     * Starts the method.
     *
     * @param parent the manager of a PyTorch engine
     * @param start a vector, float32, not 0
     * @param most the largest number of products
     */
    Lanczos(NDManager parent, NDArray start, int most) {
        manager = parent.newSubManager();
        program = new TorchScript(manager, METHODS);
        this.most = (int) Math.min(most, start.size());
        // pages that are never written take no memory
        basis = manager.create(new Shape(this.most, start.size()), DataType.FLOAT32);
        put(start, HessianProducts.norm(start));
    }

    private void put(NDArray vector, double length) {
        try (NDManager scope = manager.newSubManager()) {
            NDArray unit = vector.div(length);
            unit.attach(scope);
            NDArray row = scope.create((long) diagonal.size());
            program.call("put", new NDList(basis, row, unit)).attach(scope);
        }
    }

    /** Returns the number of products so far. */
    int done() {
        return diagonal.size();
    }

    /** Returns whether the basis can grow no more. */
    boolean ended() {
        return done() == most || (done() > 0 && offDiagonal.get(done() - 1) == 0);
    }

    /**
     * Returns the vector to multiply next.
     *
     * @param scope the manager of the result
     * @return a copy of it, of length 1
     */
    NDArray next(NDManager scope) {
        NDArray row = basis.get(done()).duplicate();
        row.attach(scope);
        return row;
    }

    /**
     * Receives a product.
     *
     * @param product the matrix times {@link #next}
     */
    void add(NDArray product) {
        try (NDManager scope = manager.newSubManager()) {
            NDArray last = next(scope);
            diagonal.add(dot(last, product, scope));
            NDArray count = scope.create((long) done());
            NDArray rest =
                    program.call("orthogonal", new NDList(basis, count, product))
                            .singletonOrThrow();
            rest.attach(scope);
            double length = HessianProducts.norm(rest);
            offDiagonal.add(length > NOTHING_NEW * scale() ? length : 0);
            solve();
            if (!ended()) {
                put(rest, length);
            }
        }
    }

    /** Returns the dot product of two vectors. */
    static double dot(NDArray first, NDArray second, NDManager scope) {
        NDArray a = first.toType(DataType.FLOAT64, true);
        NDArray b = second.toType(DataType.FLOAT64, true);
        a.attach(scope);
        b.attach(scope);
        NDArray product = a.mul(b);
        product.attach(scope);
        try (NDArray sum = product.sum()) {
            return sum.getDouble();
        }
    }

    private double scale() {
        double largest = 0;
        for (int i = 0; i < diagonal.size(); i++) {
            largest = Math.max(largest, Math.abs(diagonal.get(i)));
            largest = Math.max(largest, i < offDiagonal.size() ? offDiagonal.get(i) : 0);
        }
        return largest;
    }

    private void solve() {
        int n = done();
        double[][] matrix = new double[n][n];
        for (int i = 0; i < n; i++) {
            matrix[i][i] = diagonal.get(i);
            if (i + 1 < n) {
                matrix[i][i + 1] = offDiagonal.get(i);
                matrix[i + 1][i] = offDiagonal.get(i);
            }
        }
        vectors = SymmetricEigen.decompose(matrix);
        values = new double[n];
        for (int i = 0; i < n; i++) {
            values[i] = matrix[i][i];
        }
    }

    /** Returns the largest eigenvalue, after a product. */
    Ritz largest() {
        return outermost(1);
    }

    /** Returns the smallest eigenvalue, after a product. */
    Ritz smallest() {
        return outermost(-1);
    }

    private Ritz outermost(int sign) {
        int column = 0;
        for (int i = 1; i < values.length; i++) {
            if (sign * values[i] > sign * values[column]) {
                column = i;
            }
        }
        int last = done() - 1;
        double residual = offDiagonal.get(last) * Math.abs(vectors[last][column]);
        return new Ritz(values[column], residual, column);
    }

    /**
     * Returns the vector of an approximate eigenvalue.
     *
     * @param ritz the eigenvalue, of the last product
     * @param scope the manager of the result
     * @return a unit vector, float32
     */
    NDArray vector(Ritz ritz, NDManager scope) {
        float[] column = new float[done()];
        for (int i = 0; i < column.length; i++) {
            column[i] = (float) vectors[i][ritz.column];
        }
        try (NDArray coefficients = manager.create(column)) {
            NDArray vector =
                    program.call("combine", new NDList(basis, coefficients)).singletonOrThrow();
            vector.attach(scope);
            return vector;
        }
    }

    @Override
    public void close() {
        program.close();
        manager.close();
    }
}
