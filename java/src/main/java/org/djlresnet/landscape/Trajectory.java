package org.djlresnet.landscape;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.djlresnet.UserException;
import org.djlresnet.block.SymmetricEigen;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.checkpoint.TensorInfo;
import org.djlresnet.model.Network;

/**
 * The path of a run through the space of its weights, and the plane that fits it best.
 *
 * <p>The rows of a matrix are the differences of each checkpoint's trained parameters to those of
 * the last one. Its two leading right singular vectors, of length 1, span the plane, whose origin
 * is the last checkpoint. They come from the eigenvectors of the matrix of the rows' dot products,
 * which are summed in float64. A direction is thus a combination of the differences; batch
 * normalization's statistics move by the same combination, so that a checkpoint that lies in the
 * plane is found there with its statistics.
 *
 * <p>Source: Li et al., "Visualizing the Loss Landscape of Neural Nets", 2018, section 7; their
 * code centres the rows first, which changes the directions.
 */
public final class Trajectory {

    /** Singular values below this part of the largest are float32's rounding. */
    private static final double ROUNDING = 1e-6;

    private final List<Path> files;
    private final boolean averaged;
    private final Network last;
    private final int count;

    /** How each direction combines the differences. */
    private final double[][] combinations = new double[2][];

    private final double[][] coordinates;
    private final double[] explained = new double[2];

    /**
     * Reads checkpoints of a run.
     *
     * @param files the checkpoints, in the order of the run
     * @param averaged whether to take the averages of their weights, where there are any
     * @param last the network of the last one
     * @throws UserException if a checkpoint is of another network, or all are equal
     */
    public Trajectory(List<Path> files, boolean averaged, Network last) {
        this.files = List.copyOf(files);
        this.averaged = averaged;
        this.last = last;
        count = files.size();
        double[][] products = new double[count - 1][count - 1];
        forEachTensor(
                (name, differences) -> {
                    if (Directions.trained(last.parameters().get(name))) {
                        add(differences, products);
                    }
                });
        double total = IntStream.range(0, count - 1).mapToDouble(i -> products[i][i]).sum();
        if (!(total > 0) || Double.isInfinite(total)) {
            throw UserException.of(
                    "The checkpoints have no path: their squared distances to the last one sum up"
                            + " to %s. Give a run that changed its weights, and whose weights are"
                            + " finite.",
                    total);
        }
        double[][] vectors = SymmetricEigen.decompose(products);
        coordinates = new double[count][2];
        int[] order =
                IntStream.range(0, count - 1)
                        .boxed()
                        .sorted((i, j) -> Double.compare(products[j][j], products[i][i]))
                        .mapToInt(i -> i)
                        .toArray();
        double largest = Math.sqrt(products[order[0]][order[0]]);
        for (int axis = 0; axis < 2; axis++) {
            combinations[axis] = new double[count - 1];
            double square = axis < order.length ? products[order[axis]][order[axis]] : 0;
            double length = Math.sqrt(Math.max(0, square));
            if (length <= ROUNDING * largest) {
                continue;
            }
            explained[axis] = square / total;
            for (int i = 0; i < count - 1; i++) {
                combinations[axis][i] = vectors[i][order[axis]] / length;
                coordinates[i][axis] = vectors[i][order[axis]] * length;
            }
        }
    }

    List<Path> files() {
        return files;
    }

    boolean averaged() {
        return averaged;
    }

    /** Receives the differences of a tensor to the last checkpoint, for each other one. */
    private interface TensorUse {
        void accept(String name, float[][] differences);
    }

    /** Reads one tensor of all checkpoints after another, so that few are in memory at a time. */
    private void forEachTensor(TensorUse use) {
        List<Checkpoint> opened = new ArrayList<>();
        try {
            List<Map<String, TensorInfo>> tensors = new ArrayList<>();
            for (Path file : files) {
                Checkpoint checkpoint = Checkpoint.open(file);
                opened.add(checkpoint);
                tensors.add(checkpoint.weights(averaged));
                requireSame(file, checkpoint);
            }
            last.parameters()
                    .forEach(
                            (name, parameter) -> {
                                int size = Math.toIntExact(parameter.getArray().size());
                                float[][] values = new float[count][];
                                for (int i = 0; i < count; i++) {
                                    TensorInfo tensor = tensors.get(i).get(name);
                                    values[i] = values(i, opened.get(i), tensor, size);
                                }
                                use.accept(name, differences(values));
                            });
        } finally {
            opened.forEach(Checkpoint::close);
        }
    }

    private void requireSame(Path file, Checkpoint checkpoint) {
        if (checkpoint.run() == null) {
            throw new UserException(
                    file + " is not a checkpoint of a run. Give the folder of a training run.");
        }
        if (!checkpoint.specification().model().equals(last.model())) {
            throw other(file, checkpoint.specification().model());
        }
    }

    private UserException other(Path file, String what) {
        return UserException.of(
                "%s is a checkpoint of another network. Received: %s. Allowed: %s, like the last"
                        + " checkpoint. Give a run of one network.",
                file, what, last.model());
    }

    private float[] values(int index, Checkpoint checkpoint, TensorInfo tensor, int size) {
        FloatBuffer buffer = tensor == null ? FloatBuffer.allocate(0) : checkpoint.values(tensor);
        if (buffer.remaining() != size) {
            throw other(files.get(index), "tensors of other shapes");
        }
        float[] values = new float[size];
        buffer.get(values);
        return values;
    }

    private static float[][] differences(float[][] values) {
        float[] end = values[values.length - 1];
        float[][] differences = new float[values.length - 1][end.length];
        for (int i = 0; i < differences.length; i++) {
            for (int k = 0; k < end.length; k++) {
                differences[i][k] = values[i][k] - end[k];
            }
        }
        return differences;
    }

    private static void add(float[][] rows, double[][] products) {
        for (int i = 0; i < rows.length; i++) {
            for (int j = 0; j <= i; j++) {
                double sum = 0;
                for (int k = 0; k < rows[i].length; k++) {
                    sum += (double) rows[i][k] * rows[j][k];
                }
                products[i][j] += sum;
                products[j][i] = products[i][j];
            }
        }
    }

    /**
     * Returns each direction's share of the sum of the squared distances to the last checkpoint.
     *
     * @return two numbers from 0 to 1, the second 0 if the checkpoints lie on a line
     */
    public double[] explained() {
        return explained.clone();
    }

    /**
     * Returns the checkpoints' places in the plane, their projections.
     *
     * @return for each checkpoint x and y; the last is at (0, 0)
     */
    public double[][] coordinates() {
        double[][] copy = new double[count][];
        for (int i = 0; i < count; i++) {
            copy[i] = coordinates[i].clone();
        }
        return copy;
    }

    /**
     * Returns ranges that show the whole path.
     *
     * @param margin the part of the path's extent to add on each side
     * @return first and last coordinate of x and y
     */
    public double[][] ranges(double margin) {
        double[][] ranges = new double[2][2];
        for (int axis = 0; axis < 2; axis++) {
            int chosen = axis;
            double least =
                    IntStream.range(0, count)
                            .mapToDouble(i -> coordinates[i][chosen])
                            .min()
                            .orElseThrow();
            double most =
                    IntStream.range(0, count)
                            .mapToDouble(i -> coordinates[i][chosen])
                            .max()
                            .orElseThrow();
            // a path along a line has no extent along y: show as much as along x
            double extent = most > least ? most - least : ranges[0][1] - ranges[0][0];
            double added = most > least ? margin * extent : extent / 2;
            ranges[axis] = new double[] {least - added, most + added};
        }
        return ranges;
    }

    /** The arrays of a surface over the plane. */
    public record Plane(List<Map<String, NDArray>> directions, StatisticsRange range) {}

    /**
     * Reads the checkpoints again, and computes the directions.
     *
     * @param manager the manager of the arrays
     * @return the directions, and the range of the running statistics of the checkpoints
     */
    public Plane plane(NDManager manager) {
        List<Map<String, NDArray>> directions =
                List.of(new LinkedHashMap<>(), new LinkedHashMap<>());
        StatisticsRange range = new StatisticsRange(new LinkedHashMap<>(), new LinkedHashMap<>());
        forEachTensor(
                (name, differences) -> {
                    Parameter parameter = last.parameters().get(name);
                    Shape shape = parameter.getArray().getShape();
                    for (int axis = 0; axis < 2; axis++) {
                        float[] values = combine(combinations[axis], differences);
                        directions.get(axis).put(name, manager.create(values, shape));
                    }
                    if (NetworkLine.isStatistic(parameter)) {
                        NDArray end = parameter.getArray().duplicate();
                        end.attach(manager);
                        range.least().put(name, bound(end, differences, -1, shape, manager));
                        range.most().put(name, bound(end, differences, 1, shape, manager));
                    }
                });
        return new Plane(directions, range);
    }

    private static float[] combine(double[] factors, float[][] rows) {
        double[] sum = new double[rows[0].length];
        for (int i = 0; i < rows.length; i++) {
            for (int k = 0; k < sum.length; k++) {
                sum[k] += factors[i] * rows[i][k];
            }
        }
        float[] values = new float[sum.length];
        for (int k = 0; k < sum.length; k++) {
            values[k] = (float) sum[k];
        }
        return values;
    }

    /** Returns the least (sign -1) or the most (sign 1) that a statistic is at a checkpoint. */
    private static NDArray bound(
            NDArray end, float[][] differences, int sign, Shape shape, NDManager manager) {
        float[] outermost = new float[differences[0].length];
        for (float[] row : differences) {
            for (int k = 0; k < outermost.length; k++) {
                outermost[k] = sign * Math.max(sign * outermost[k], sign * row[k]);
            }
        }
        try (NDArray offset = manager.create(outermost, shape)) {
            NDArray bound = end.add(offset);
            bound.attach(manager);
            return bound;
        }
    }
}
