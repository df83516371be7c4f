package org.djlresnet.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.djlresnet.engine.Precision;
import org.djlresnet.engine.TorchScript;
import org.djlresnet.graph.Graph;
import org.djlresnet.graph.Window;
import org.djlresnet.program.Programs;

/**
 * A network in evaluation mode: a program on PyTorch, else its blocks.
 *
 * <p>A program holds the weights of its first call for images of a size, until {@link #refresh};
 * without it, later changes to the network affect only other sizes, and blocks at once. Its logits
 * differ from those of {@link Network#forward} only by rounding, or in bfloat16 by about 1 percent
 * of the largest.
 */
public final class Inference implements AutoCloseable {

    private final Network network;
    private final Block part;
    private final Precision precision;
    private final Graph graph;
    private final boolean keepsNan;
    private TorchScript program;
    private Window.Pair size;
    private boolean stale;

    /**
     * Prepares a network.
     *
     * @param network the network, which must stay open
     * @param precision the precision of convolutions and activations
     * @param compile whether to compile it if that is possible
     * @throws org.djlresnet.UserException if it runs as blocks, and the precision is not float32
     */
    public Inference(Network network, Precision precision, boolean compile) {
        this(network, precision, compile, false);
    }

    /**
     * Prepares a part of a network, such as an encoder.
     *
     * @param network the network, which must stay open
     * @param part a block of it
     * @param precision the precision of convolutions and activations
     * @throws org.djlresnet.UserException if it runs as blocks, and the precision is not float32
     */
    public Inference(Network network, Block part, Precision precision) {
        this(network, part, precision, true, false);
    }

    /**
     * Prepares a network whose outputs may overflow.
     *
     * @param network the network, which must stay open
     * @param precision the precision of convolutions and activations
     * @param compile whether to compile it if that is possible
     * @param keepsNan whether a program's activations of NaN are NaN. Otherwise some are 0, so that
     *     logits may be numbers after an overflow.
     * @throws org.djlresnet.UserException if it runs as blocks, and the precision is not float32
     */
    public Inference(Network network, Precision precision, boolean compile, boolean keepsNan) {
        this(network, network.block(), precision, compile, keepsNan);
    }

    private Inference(
            Network network, Block part, Precision precision, boolean compile, boolean keepsNan) {
        this.network = network;
        this.part = part;
        this.precision = precision;
        this.keepsNan = keepsNan;
        graph = network.compilable(part, precision, compile);
    }

    /**
     * Computes outputs.
     *
     * @param images float32, (N, C, H, W), on the network's device; they are not changed
     * @return logits, float32, (N, classes), with the images' manager
     * @throws org.djlresnet.UserException if the images have a wrong size, or the network or part
     *     takes more than one array, as an autoencoder does
     */
    public NDArray forward(NDArray images) {
        network.requireOneInput(part);
        return forward(new NDList(images)).get(0);
    }

    /**
     * Computes outputs.
     *
     * @param inputs what the network or part takes, on the network's device; they are not changed
     * @return its outputs, float32, with the inputs' manager
     */
    public NDList forward(NDList inputs) {
        Shape shape = inputs.get(0).getShape();
        boolean takesImages = shape.dimension() > 2;
        if (takesImages) {
            network.requireSize(shape.get(2), shape.get(3));
        }
        if (graph == null) {
            return network.forward(part, inputs, false);
        }
        Window.Pair wanted =
                takesImages
                        ? new Window.Pair((int) shape.get(2), (int) shape.get(3))
                        : Window.Pair.square(1);
        if (!wanted.equals(size)) {
            close();
            program = compile(wanted);
            size = wanted;
        } else if (stale) {
            call(program, "prepare");
        }
        stale = false;
        return program.call("evaluate", inputs);
    }

    private TorchScript compile(Window.Pair images) {
        Map<String, NDArray> parameters = network.stateDict();
        List<String> names = List.copyOf(parameters.keySet());
        boolean oneDnn = Programs.canUseOneDnn(parameters.values().iterator().next(), precision);
        String text = Programs.evaluation(graph, images, precision, names, oneDnn, keepsNan);
        TorchScript compiled = new TorchScript(network.manager(), text);
        try {
            call(compiled, "prepare");
            return compiled;
        } catch (RuntimeException | Error failure) {
            compiled.close();
            throw failure;
        }
    }

    private void call(TorchScript compiled, String method) {
        List<NDArray> handles = new ArrayList<>();
        try {
            network.stateDict().values().forEach(array -> handles.add(array.stopGradient()));
            compiled.call(method, TorchScript.list("q", handles)).close();
        } finally {
            handles.forEach(NDArray::close);
        }
    }

    /**
     * Frees the program's weights. The next images are computed with the network's weights as they
     * are then, without compiling again.
     */
    public void refresh() {
        if (program != null && !stale) {
            call(program, "forget");
            stale = true;
        }
    }

    /** Frees the program and its weights. */
    @Override
    public void close() {
        if (program != null) {
            program.close();
            program = null;
            size = null;
        }
    }
}
