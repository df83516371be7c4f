package org.djlresnet.landscape;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.nn.Parameter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.djlresnet.engine.Precision;
import org.djlresnet.engine.TorchScript;
import org.djlresnet.graph.Graph;
import org.djlresnet.graph.Window;
import org.djlresnet.objective.Minibatch;
import org.djlresnet.objective.Objective;
import org.djlresnet.program.Programs;

/**
 * Multiplies vectors by the Hessian of a network's mean loss, in evaluation mode: batch
 * normalization uses its running statistics.
 *
 * <p>The vectors hold all trained parameters in the network's order, each row-major. A product is a
 * central difference of gradients, Hv ≈ (g(w + εv) − g(w − εv)) / 2ε with ε = step · ‖w‖ / ‖v‖,
 * computed in float32 and summed over the batches in float64. Both gradients are of the same smooth
 * piece of the loss: each ReLU stays on the side of its kink, and each max pooling at the place,
 * where it is at w. So the product does not contain the jumps of the gradient at kinks, which,
 * divided by ε, would hide the curvature in between. docs/landscape.md studies the step.
 *
 * <p>The network itself does not change: gradients are computed at a copy of its parameters.
 */
final class HessianProducts implements AutoCloseable {

    private static final String METHODS =
            """
              def flat(self: __torch__.Program, q: List[Tensor]) -> Tensor:
                parts = annotate(List[Tensor], [])
                for i in range(torch.len(q)):
                  _0 = torch.append(parts, torch.reshape(q[i], [-1]))
                return torch.cat(parts)
              def gather(self: __torch__.Program, sum: Tensor, weight: Tensor, g: List[Tensor]) -> Tensor:
                return torch.add_(sum, (self).flat(g, ), alpha=float(weight))
              def place(self: __torch__.Program, w: Tensor, v: Tensor, s: Tensor, q: List[Tensor]) -> Tensor:
                parts = torch.split_with_sizes(torch.add(w, v, alpha=float(s)), [%s])
                for i in range(torch.len(q)):
                  _0 = torch.copy_(q[i], torch.reshape(parts[i], torch.size(q[i])))
                return w
            """;

    private final NDManager manager;
    private final TorchScript gradients;
    private final TorchScript vectors;
    private final Consumer<Consumer<Minibatch>> batches;
    private final double examples;
    private final int metrics;

    /** A copy of all parameters, in the program's memory order. */
    private final List<NDArray> parameters = new ArrayList<>();

    /** Those of them that are trained. */
    private final List<NDArray> trained = new ArrayList<>();

    private final NDArray weights;
    private final double norm;
    private final double step;

    /**
     * Prepares the products.
     *
     * @param parent the manager of a PyTorch engine
     * @param graph the network
     * @param tensors its parameters by the names in the graph; they are copied
     * @param objective the loss
     * @param images the height and width of the images
     * @param batches passes each batch to its argument, and then closes its arrays
     * @param examples the number of examples
     * @param step the length of the step, relative to that of the weights
     */
    HessianProducts(
            NDManager parent,
            Graph graph,
            Map<String, Parameter> tensors,
            Objective objective,
            Window.Pair images,
            Consumer<Consumer<Minibatch>> batches,
            int examples,
            double step) {
        manager = parent.newSubManager();
        this.batches = batches;
        this.examples = examples;
        this.step = step;
        metrics = objective.metrics().size();
        List<String> names =
                tensors.keySet().stream()
                        .filter(name -> tensors.get(name).requiresGradient())
                        .toList();
        gradients =
                new TorchScript(
                        manager,
                        Programs.smoothPieces(
                                graph,
                                images,
                                List.copyOf(tensors.keySet()),
                                names,
                                Programs.canUseOneDnn(
                                        tensors.values().iterator().next().getArray(),
                                        Precision.FLOAT32),
                                objective.program()));
        String sizes =
                names.stream()
                        .map(name -> String.valueOf(tensors.get(name).getArray().size()))
                        .collect(Collectors.joining(", "));
        vectors = new TorchScript(manager, METHODS.formatted(sizes));
        copy(tensors, names);
        weights = vectors.call("flat", TorchScript.list("q", trained)).singletonOrThrow();
        weights.attach(manager);
        norm = norm(weights);
    }

    private void copy(Map<String, Parameter> tensors, List<String> names) {
        List<NDArray> handles = new ArrayList<>();
        tensors.values().forEach(parameter -> handles.add(parameter.getArray().stopGradient()));
        try (NDList own = TorchScript.list("q", handles);
                NDList arranged = gradients.call("arrange", own)) {
            int i = 0;
            for (String name : tensors.keySet()) {
                NDArray copied = arranged.get(i++).duplicate();
                copied.attach(manager);
                parameters.add(copied);
                if (names.contains(name)) {
                    trained.add(copied);
                }
            }
        }
    }

    /** Returns the manager of its arrays. */
    NDManager manager() {
        return manager;
    }

    /** Returns the number of trained parameters. */
    long size() {
        return weights.size();
    }

    /**
     * Computes the mean loss and its gradient at the network's weights.
     *
     * @param scope the manager of the result
     * @return the gradient, float32, and the loss
     */
    Gradient gradient(NDManager scope) {
        try (NDManager inner = manager.newSubManager()) {
            NDArray sum = inner.zeros(weights.getShape(), DataType.FLOAT64);
            double[] loss = {0};
            batches.accept(
                    batch -> {
                        record(batch);
                        loss[0] += add(batch, weights, 0, 1, sum);
                    });
            NDArray gradient = sum.toType(DataType.FLOAT32, true);
            gradient.attach(scope);
            return new Gradient(loss[0], gradient);
        }
    }

    /**
     * A loss and its gradient.
     *
     * @param loss the mean over the examples
     * @param vector float32
     */
    record Gradient(double loss, NDArray vector) {}

    /**
     * Multiplies a vector by the Hessian.
     *
     * @param vector float32, not 0
     * @param scope the manager of the result
     * @param stopped whether to stop, asked before each batch
     * @return the product, float32; not finite where a gradient is not; null if it was stopped
     */
    NDArray times(NDArray vector, NDManager scope, BooleanSupplier stopped) {
        double epsilon = step * norm / norm(vector);
        try (NDManager inner = manager.newSubManager()) {
            NDArray sum = inner.zeros(weights.getShape(), DataType.FLOAT64);
            batches.accept(
                    batch -> {
                        if (!stopped.getAsBoolean()) {
                            record(batch);
                            add(batch, vector, epsilon, 1 / (2 * epsilon), sum);
                            add(batch, vector, -epsilon, -1 / (2 * epsilon), sum);
                        }
                    });
            if (stopped.getAsBoolean()) {
                return null;
            }
            NDArray product = sum.toType(DataType.FLOAT32, true);
            product.attach(scope);
            return product;
        }
    }

    /** Records the smooth piece of a batch's loss that the network's weights are on. */
    private void record(Minibatch batch) {
        gradients.call("forget", new NDList(batch.labels())).close();
        place(weights, 0);
        gradients.call("record", arguments(batch)).close();
    }

    private NDList arguments(Minibatch batch) {
        NDList arguments = new NDList(batch.images(), batch.labels());
        arguments.addAll(TorchScript.list("q", parameters));
        return arguments;
    }

    /**
     * Adds a multiple of a batch's share of the gradient at w + shift · direction.
     *
     * @return the batch's share of the mean loss there
     */
    private double add(
            Minibatch batch, NDArray direction, double shift, double factor, NDArray sum) {
        place(direction, shift);
        NDManager scope = batch.images().getManager();
        NDList results = gradients.call("step", arguments(batch));
        double share = batch.size() / examples;
        // after the loss and the other metrics, the outputs
        NDList each = results.subNDList(metrics + 1);
        NDList gathered = new NDList(sum, scope.create(share * factor));
        gathered.addAll(TorchScript.list("g", each));
        vectors.call("gather", gathered).attach(scope);
        return share * results.get(0).getFloat();
    }

    private void place(NDArray direction, double shift) {
        try (NDManager scope = manager.newSubManager()) {
            NDList arguments = new NDList(weights, direction, scope.create(shift));
            arguments.addAll(TorchScript.list("q", trained));
            vectors.call("place", arguments).attach(scope);
        }
    }

    /** Returns a vector's length. */
    static double norm(NDArray vector) {
        try (NDArray wide = vector.toType(DataType.FLOAT64, true);
                NDArray length = wide.norm()) {
            return length.getDouble();
        }
    }

    @Override
    public void close() {
        gradients.close();
        vectors.close();
        manager.close();
    }
}
