package org.djlresnet.landscape;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import java.util.Map;
import java.util.function.Consumer;
import org.djlresnet.block.BatchNorm;
import org.djlresnet.block.Layers;
import org.djlresnet.block.NamedChain;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.graph.GraphBuilder;
import org.djlresnet.graph.Window;
import org.djlresnet.model.StateDict;
import org.djlresnet.objective.Classification;
import org.djlresnet.objective.Minibatch;

/** The networks, images and labels of tests/golden/hessian.py. */
final class TinyNetwork implements AutoCloseable {

    static final int EXAMPLES = 24;

    private static final int CLASSES = 3;
    private static final Shape IMAGE = new Shape(2, 6, 6);

    private final NDManager manager = NDManager.newBaseManager();
    private final NamedChain block = new NamedChain();

    /**
     * @param kind gelu, relu, or max, which has ReLUs and max poolings
     */
    TinyNetwork(String kind) {
        EngineTraits.of(manager.getEngine()).disableRecording();
        block.add("conv1", Layers.convolution(4, 3, new Shape(1, 1), false));
        block.add("bn1", new BatchNorm());
        block.append("first", activation(kind));
        if (kind.equals("max")) {
            block.append("window", Layers.maxPool(3, 1, 1));
        }
        block.add("conv2", Layers.convolution(5, 3, new Shape(2, 2), true));
        block.add("bn2", new BatchNorm());
        block.append("second", activation(kind));
        block.append(
                "pool", kind.equals("max") ? Layers.globalMaxPool() : Layers.globalAveragePool());
        block.add("fc", Layers.linear(CLASSES));
        StateDict.of(block)
                .forEach(
                        (name, parameter) ->
                                parameter.setInitializer(
                                        (owner, shape, type) ->
                                                owner.create(waves(name, shape), shape)));
        block.initialize(manager, DataType.FLOAT32, new Shape(1).addAll(IMAGE));
    }

    private static Block activation(String name) {
        return name.equals("gelu") ? Layers.gelu() : Layers.relu();
    }

    private static float[] waves(String name, Shape shape) {
        boolean scale = name.startsWith("bn") && name.endsWith("weight");
        double centre = scale || name.endsWith("running_var") ? 1 : 0;
        float[] values = new float[(int) shape.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (centre + 0.5 * Math.sin(1.7 * i + name.length()));
        }
        return values;
    }

    NDManager manager() {
        return manager;
    }

    Map<String, Parameter> parameters() {
        return StateDict.of(block);
    }

    HessianProducts products(double step, int batchSize) {
        return products(step, batchSize, () -> {});
    }

    /**
     * @param watch is called before each pass over the batches
     */
    HessianProducts products(double step, int batchSize, Runnable watch) {
        Consumer<Consumer<Minibatch>> batches = batches(batchSize);
        return new HessianProducts(
                manager,
                GraphBuilder.describe(block, parameters()),
                parameters(),
                new Classification(CLASSES),
                new Window.Pair(6, 6),
                use -> {
                    watch.run();
                    batches.accept(use);
                },
                EXAMPLES,
                step);
    }

    private Consumer<Consumer<Minibatch>> batches(int size) {
        return use -> {
            for (int from = 0; from < EXAMPLES; from += size) {
                try (NDManager scope = manager.newSubManager()) {
                    use.accept(batch(from, Math.min(size, EXAMPLES - from), scope));
                }
            }
        };
    }

    private static Minibatch batch(int from, int count, NDManager scope) {
        int pixels = (int) IMAGE.size();
        float[] images = new float[count * pixels];
        int[] labels = new int[count];
        for (int i = 0; i < images.length; i++) {
            double at = from * pixels + i;
            images[i] = (float) Math.sin(0.37 * at + at * at / 900);
        }
        for (int i = 0; i < count; i++) {
            labels[i] = (from + i) % CLASSES;
        }
        NDArray pixelsArray = scope.create(images, new Shape(count).addAll(IMAGE));
        return new Minibatch(pixelsArray, scope.create(labels));
    }

    @Override
    public void close() {
        manager.close();
    }
}
