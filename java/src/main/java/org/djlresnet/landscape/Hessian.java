package org.djlresnet.landscape;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.djlresnet.AtomicFile;
import org.djlresnet.TrainingException;
import org.djlresnet.UserException;
import org.djlresnet.data.SplitMix64;
import org.djlresnet.engine.Precision;
import org.djlresnet.evaluation.Evaluator;
import org.djlresnet.graph.Graph;
import org.djlresnet.model.Network;
import org.djlresnet.objective.Classification;

/**
 * Measures the Hessian of a network's loss: its largest and its smallest eigenvalue and its trace.
 *
 * <p>The loss is the mean cross-entropy over some examples in evaluation mode, as a function of all
 * trained parameters. {@link Lanczos} approximates the eigenvalues until each residual is below the
 * tolerance, relative to the eigenvalue. The trace is Hutchinson's estimate, the mean of vᵀHv over
 * vectors of random signs.
 *
 * <p>In a folder, {@code hessian.json} says what is measured, and holds the results once there are
 * any. Until then, the folder {@code products} and {@code trace.csv} keep each product. A stopped
 * or killed process loses at most one, and the results do not depend on how often it was stopped.
 */
public final class Hessian {

    /** Separates the random vectors from those of other uses of the seed. */
    private static final long STREAM = "hessian".hashCode();

    private final HessianFolder folder;
    private final Options options;
    private final JsonObject info;
    private volatile boolean stopped;
    private volatile JsonObject progress = new JsonObject();
    private JsonObject results;
    private int saved;

    /**
     * How to measure.
     *
     * @param iterations the largest number of products for the eigenvalues, 1 or more
     * @param tolerance the residual at which an eigenvalue is good enough, relative to it
     * @param samples the number of products for the trace, 1 or more
     * @param step the length of the differences' step, relative to that of the weights
     * @param seed the seed of the vectors
     */
    public record Options(int iterations, double tolerance, int samples, double step, long seed) {}

    /** A product was asked for after {@link #stop}. */
    private static final class Stopped extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    /**
     * Prepares to measure.
     *
     * @param path the folder, which is created if it does not exist; null to write no files
     * @param info what is measured, a JSON object with the first keys of {@code hessian.json}
     * @param options how to measure
     */
    public Hessian(Path path, String info, Options options) {
        folder = path == null ? null : new HessianFolder(path);
        this.options = options;
        this.info = JsonParser.parseString(info).getAsJsonObject();
        this.info.addProperty("seed", options.seed);
        this.info.addProperty("max_iterations", options.iterations);
        this.info.addProperty("tolerance", options.tolerance);
        this.info.addProperty("samples", options.samples);
        this.info.addProperty("step", options.step);
    }

    /**
     * Measures a network until there are results, or {@link #stop} is called.
     *
     * @param network the network, which does not change
     * @param examples the examples, which must stay open
     * @return the JSON text of {@code hessian.json}; null if it was stopped
     * @throws UserException if the folder holds another measurement, the loss is not finite, or the
     *     network cannot be compiled
     * @throws TrainingException if a file cannot be written
     */
    public String run(Network network, HeldExamples examples) {
        Evaluator.disableGradients(network);
        Graph graph = network.compilable(Precision.FLOAT32, true);
        if (graph == null) {
            throw new UserException(
                    "The Hessian needs a network that can be compiled, on the PyTorch engine.");
        }
        network.requireSize(examples.imageSize().height(), examples.imageSize().width());
        try (HessianProducts products =
                new HessianProducts(
                        network.manager(),
                        graph,
                        network.parameters(),
                        new Classification(network.classNames().size()),
                        examples.imageSize(),
                        examples::forEach,
                        examples.size(),
                        options.step)) {
            JsonObject found = run(products, network.manager());
            return found == null ? null : LandscapeInfo.text(found);
        }
    }

    /**
     * Measures until there are results, or {@link #stop} is called.
     *
     * @param products multiplies by the Hessian
     * @param manager the manager of the vectors
     * @return the content of {@code hessian.json}; null if it was stopped
     * @throws UserException if the folder holds another measurement, or the loss is not finite
     * @throws TrainingException if a file cannot be written
     */
    JsonObject run(HessianProducts products, NDManager manager) {
        try (folder) {
            JsonObject settled = folder == null ? info : folder.settle(info);
            if (settled.has("largest")) {
                return settled;
            }
            results = settled.deepCopy();
            results.addProperty("parameters", products.size());
            try (NDManager scope = manager.newSubManager()) {
                HessianProducts.Gradient gradient = products.gradient(scope);
                results.addProperty("loss", finite(gradient.loss()));
                results.addProperty(
                        "gradient_norm", finite(HessianProducts.norm(gradient.vector())));
            }
            eigenvalues(products, manager);
            trace(products, manager);
            if (folder != null) {
                folder.finish(results);
            }
            return results;
        } catch (Stopped request) {
            return null;
        } catch (IOException failure) {
            throw new TrainingException(
                    AtomicFile.reason(failure)
                            + ". "
                            + saved
                            + " products are saved. Repeat the command to resume.",
                    failure);
        }
    }

    private void eigenvalues(HessianProducts products, NDManager manager) throws IOException {
        float[] start = new float[Math.toIntExact(products.size())];
        SplitMix64 random = random(0);
        for (int i = 0; i < start.length; i++) {
            start[i] = (float) random.nextGaussian();
        }
        try (NDManager parent = manager.newSubManager();
                Lanczos lanczos = new Lanczos(parent, parent.create(start), options.iterations)) {
            while (!lanczos.ended() && !converged(lanczos)) {
                try (NDManager scope = parent.newSubManager()) {
                    lanczos.add(product(lanczos.done(), lanczos.next(scope), products, scope));
                }
                JsonObject next = phase("eigenvalues", lanczos.done(), options.iterations);
                next.addProperty("largest", lanczos.largest().value());
                next.addProperty("largest_residual", lanczos.largest().residual());
                next.addProperty("smallest", lanczos.smallest().value());
                next.addProperty("smallest_residual", lanczos.smallest().residual());
                progress = next;
            }
            results.addProperty("iterations", lanczos.done());
            JsonObject residuals = new JsonObject();
            JsonObject converged = new JsonObject();
            finish("largest", lanczos.largest(), lanczos, products, residuals, converged);
            finish("smallest", lanczos.smallest(), lanczos, products, residuals, converged);
            results.add("residuals", residuals);
            results.add("converged", converged);
        }
    }

    private boolean converged(Lanczos lanczos) {
        return lanczos.done() > 0
                && isGood(lanczos.largest().value(), lanczos.largest().residual())
                && isGood(lanczos.smallest().value(), lanczos.smallest().residual());
    }

    private boolean isGood(double value, double residual) {
        return residual <= options.tolerance * Math.abs(value);
    }

    /** Measures ‖Hu − λu‖, which includes the error of the products. */
    private void finish(
            String name,
            Lanczos.Ritz ritz,
            Lanczos lanczos,
            HessianProducts products,
            JsonObject residuals,
            JsonObject converged)
            throws IOException {
        int index = lanczos.done() + residuals.size();
        try (NDManager scope = products.manager().newSubManager()) {
            NDArray vector = lanczos.vector(ritz, scope);
            NDArray product = product(index, vector, products, scope);
            double residual = HessianProducts.norm(product.sub(vector.mul(ritz.value())));
            results.addProperty(name, ritz.value());
            residuals.addProperty(name, residual);
            converged.addProperty(name, isGood(ritz.value(), residual));
        }
    }

    /** Multiplies a vector by the Hessian, or reads the product from the folder. */
    private NDArray product(int index, NDArray vector, HessianProducts products, NDManager scope)
            throws IOException {
        NDArray known = folder == null ? null : folder.read(index, scope);
        if (known != null && known.size() == vector.size()) {
            saved++;
            return known;
        }
        NDArray product = computed(vector, products, scope);
        if (folder != null) {
            folder.write(index, product, scope);
            saved++;
        }
        return product;
    }

    private NDArray computed(NDArray vector, HessianProducts products, NDManager scope) {
        NDArray product = products.times(vector, scope, () -> stopped);
        if (product == null) {
            throw new Stopped();
        }
        finite(HessianProducts.norm(product));
        return product;
    }

    private void trace(HessianProducts products, NDManager manager) throws IOException {
        List<Double> samples = folder == null ? new ArrayList<>() : folder.samples();
        saved += samples.size();
        while (samples.size() < options.samples) {
            try (NDManager scope = manager.newSubManager()) {
                NDArray signs = signs(1 + samples.size(), products.size(), scope);
                NDArray product = computed(signs, products, scope);
                samples.add(Lanczos.dot(signs, product, scope));
            }
            if (folder != null) {
                folder.write(samples);
                saved++;
            }
            JsonObject next = phase("trace", samples.size(), options.samples);
            estimate(samples, next);
            progress = next;
        }
        estimate(samples, results);
    }

    private static void estimate(List<Double> samples, JsonObject into) {
        double mean = samples.stream().mapToDouble(one -> one).average().orElseThrow();
        into.addProperty("trace", mean);
        if (samples.size() == 1) {
            into.add("trace_error", JsonNull.INSTANCE);
            return;
        }
        double squares = samples.stream().mapToDouble(one -> (one - mean) * (one - mean)).sum();
        into.addProperty("trace_error", Math.sqrt(squares / (samples.size() - 1) / samples.size()));
    }

    private NDArray signs(int number, long count, NDManager scope) {
        SplitMix64 random = random(number);
        float[] signs = new float[Math.toIntExact(count)];
        long bits = 0;
        for (int i = 0; i < signs.length; i++) {
            bits = i % Long.SIZE == 0 ? random.nextLong() : bits >>> 1;
            signs[i] = (bits & 1) == 0 ? -1 : 1;
        }
        return scope.create(signs);
    }

    private SplitMix64 random(int number) {
        return new SplitMix64(SplitMix64.mix(options.seed, STREAM, number));
    }

    private static double finite(double value) {
        if (!Double.isFinite(value)) {
            throw UserException.of(
                    "The loss or its gradient is not finite at the weights, or a step away."
                            + " Received: %s. Use the checkpoint of a network whose loss is"
                            + " finite.",
                    value);
        }
        return value;
    }

    private static JsonObject phase(String name, int done, int total) {
        JsonObject phase = new JsonObject();
        phase.addProperty("phase", name);
        phase.addProperty("done", done);
        phase.addProperty("total", total);
        return phase;
    }

    /** Asks {@link #run} to return, without finishing the current product. */
    public void stop() {
        stopped = true;
    }

    /**
     * Returns the progress. Any thread may call it.
     *
     * @return {@code {"phase": "eigenvalues" or "trace", "done", "total"}}, in the first with
     *     {@code "largest", "largest_residual", "smallest", "smallest_residual"}, in the second
     *     with {@code "trace", "trace_error"}; empty before the first product
     */
    public String progress() {
        return progress.toString();
    }
}
