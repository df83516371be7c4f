package org.djlresnet.program;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.djlresnet.engine.Precision;
import org.djlresnet.graph.Graph;
import org.djlresnet.graph.MapSizes;
import org.djlresnet.graph.Operation;
import org.djlresnet.graph.Passes;
import org.djlresnet.graph.Value;
import org.djlresnet.graph.Window;

/** Writes TorchScript programs from graphs. */
public final class Programs {

    private Programs() {}

    /**
     * Writes a training program.
     *
     * <p>{@code arrange(q)} returns the parameters in the memory order that {@code step} wants.
     * {@code step(x, y, q)} takes images, targets and parameters, updates the running statistics
     * and returns the results of {@code loss}, the first output, the gradients of the trained
     * parameters and, with a clock, its readings. If images are mixed, it is {@code step(x, y,
     * second, share, q)}, with the second targets, and the share of the first, a scalar. If the
     * network samples, it is {@code step(x, y, noise, weight, q)}, and the objective's method is
     * {@code loss(outputs, x, weight)}. With gates, a last argument holds for each the factor of
     * its branch, float32; 0 drops the branch.
     *
     * @param graph the network
     * @param images the height and width of its images
     * @param precision the precision of convolutions and activations
     * @param parameters the names of its parameters, in the order of the list q
     * @param trained the names of those whose gradients it returns, in order
     * @param oneDnn whether to use oneDNN's products, see {@link #canUseOneDnn}
     * @param loss the objective's method {@code loss(outputs, y)}
     * @param mixes whether images are mixed
     * @param gates the residual blocks whose branches a step may drop
     * @param kept the running means of batch normalizations that keep their statistics and
     *     normalize with them
     * @param clock receives what its readings mean; null for none
     * @return the methods
     */
    public static String training(
            Graph graph,
            Window.Pair images,
            Precision precision,
            List<String> parameters,
            List<String> trained,
            boolean oneDnn,
            String loss,
            boolean mixes,
            List<String> gates,
            Set<String> kept,
            Clock clock) {
        Graph complete = training(graph, images, precision);
        // in bfloat16 libtorch's own products are faster
        boolean products32 = oneDnn && precision == Precision.FLOAT32;
        Needs needs = new Needs(complete, values(trained), kept);
        return new TrainingCode(complete, needs, products32, mixes, gates, clock, false)
                .write(values(parameters), values(trained), loss);
    }

    private static Graph training(Graph graph, Window.Pair images, Precision precision) {
        Graph moved = Passes.poolBeforeRelu(graph);
        Graph cropped = Passes.cropForPooling(moved, images);
        Graph products = Passes.mapProducts(cropped, images);
        Graph cast = Passes.precision(products, precision);
        return Passes.inPlace(cast);
    }

    /**
     * Writes a program for differences of gradients, in float32 and in evaluation mode: batch
     * normalization uses its running statistics.
     *
     * <p>{@code arrange(q)} and {@code step(x, y, q)} are those of {@link #training}. {@code
     * record(x, y, q)}, after {@code forget(q)}, records on which side of its kink each ReLU is,
     * and which value each max pooling takes. Later steps with the same images use the same sides
     * and values: they differentiate the same smooth piece of the loss.
     *
     * @param graph the network
     * @param images the height and width of its images
     * @param parameters the names of its parameters, in the order of the list q
     * @param trained the names of those whose gradients it returns, in order
     * @param oneDnn whether to use oneDNN's products, see {@link #canUseOneDnn}
     * @param loss the objective's method {@code loss(outputs, y)}
     * @return the methods
     */
    public static String smoothPieces(
            Graph graph,
            Window.Pair images,
            List<String> parameters,
            List<String> trained,
            boolean oneDnn,
            String loss) {
        Graph complete = training(graph, images, Precision.FLOAT32);
        Set<String> means = new HashSet<>();
        for (Operation operation : complete.operations()) {
            if (operation instanceof Operation.BatchNorm norm) {
                means.add(norm.mean().name());
            }
        }
        Needs needs = new Needs(complete, values(trained), means);
        Needs nothing = new Needs(complete, List.of(), means);
        return new TrainingCode(complete, needs, oneDnn, false, List.of(), null, true)
                        .write(values(parameters), values(trained), loss)
                + new TrainingCode(complete, nothing, oneDnn, false, List.of(), null, true)
                        .step("record", values(parameters), List.of());
    }

    /**
     * Writes an evaluation program: {@code prepare(q)} takes the parameters, {@code evaluate(x)}
     * returns the output for images, or a list of several. Further inputs of the network are
     * further arguments.
     *
     * @param graph the network
     * @param images the height and width of its images
     * @param precision the precision of convolutions and activations
     * @param parameters the names of its parameters, in the order of the list q
     * @param oneDnn whether to use oneDNN's fused convolutions and products, see {@link
     *     #canUseOneDnn}
     * @param keepsNan whether activations of NaN are NaN, which oneDNN's fused ones turn into 0
     * @return the methods
     */
    public static String evaluation(
            Graph graph,
            Window.Pair images,
            Precision precision,
            List<String> parameters,
            boolean oneDnn,
            boolean keepsNan) {
        Graph moved = Passes.poolBeforeRelu(graph);
        Graph cropped = Passes.cropForPooling(moved, images);
        Graph products = Passes.mapProducts(cropped, images);
        Graph fused = Passes.fuse(products);
        Graph complete = Passes.inPlace(fused);
        Map<Value, Window.Pair> sizes = MapSizes.of(complete, images);
        sizes.values().removeIf(size -> !Window.Pair.square(1).equals(size));
        return new EvaluationCode(complete, precision, oneDnn, keepsNan, sizes.keySet())
                .write(values(parameters));
    }

    /**
     * Returns whether programs can call oneDNN's own operators.
     *
     * @param parameter one of the network's parameters
     * @param precision the precision of convolutions and activations
     * @return whether it is float32 on an x86 processor
     */
    public static boolean canUseOneDnn(NDArray parameter, Precision precision) {
        if (precision == Precision.BFLOAT16 && !Precision.hasBfloat16()) {
            // its bfloat16 operators reject a processor without the instructions
            return false;
        }
        // a new handle: DJL remembers the type of an array even if its memory was exchanged
        try (NDArray handle = parameter.stopGradient()) {
            return !handle.getDevice().isGpu()
                    && handle.getDataType() == DataType.FLOAT32
                    && System.getProperty("os.arch").matches("amd64|x86_64");
        }
    }

    private static List<Value> values(List<String> names) {
        return names.stream().map(Value::new).toList();
    }
}
