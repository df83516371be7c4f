import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import ai.djl.training.loss.Loss;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.djlresnet.data.Batch;
import org.djlresnet.data.BatchLoader;
import org.djlresnet.data.Datasets;
import org.djlresnet.data.EpochOrder;
import org.djlresnet.data.Examples;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Network;
import org.djlresnet.optimizer.Gradients;
import org.djlresnet.optimizer.Optimizer;
import org.djlresnet.optimizer.Optimizers;
import org.djlresnet.recipe.Recipe;

/**
 * What the data path costs: blocks of steps on the loader's shuffled batches and on one fixed batch,
 * in turn in one process, each step from buffer to moved parameters.
 *
 * <p>Arguments: folder of Fashion-MNIST, batch size, image size, steps of a block, pairs of blocks.
 * Prints for each pair the seconds with the loader and with the fixed batch. The loader begins its
 * block with empty buffers; while the fixed batch is trained on, its buffers are full and it waits.
 */
public final class DataPath {

    /** The loader's. */
    private static final int BUFFERS = 3;

    private static final Loss LOSS = Loss.softmaxCrossEntropyLoss();

    private DataPath() {}

    public static void main(String[] args) throws InterruptedException {
        int batchSize = Integer.parseInt(args[1]);
        int size = Integer.parseInt(args[2]);
        int steps = Integer.parseInt(args[3]);
        int pairs = Integer.parseInt(args[4]);
        Examples data = Datasets.read("fashion-mnist", Path.of(args[0]), true);
        int batches = 1 + (pairs + 1) * (steps + BUFFERS);
        try (Network network =
                        Network.create("d2l-resnet18", 1, Network.numbered(10), 0, Device.cpu());
                Optimizer optimizer =
                        Optimizers.create(
                                Recipe.fromJson("{}"),
                                network.parameters(),
                                network.manager(),
                                Map.of());
                BatchLoader loader =
                        new BatchLoader(
                                data,
                                Preprocessing.exact(new ImageShape(1, size, size)),
                                batchSize)) {
            loader.restart(order(data.size(), batches * batchSize));
            EngineTraits.of(network.manager().getEngine()).disableRecording();
            network.arrangeFor(size, size);
            Batch first = loader.next();
            ByteBuffer images = copy(first.images());
            ByteBuffer labels = copy(first.labels());
            Shape shape = new Shape(first.shape());
            first.close();
            // the first pair warms up and is not printed
            for (int pair = 0; pair <= pairs; pair++) {
                for (int i = 0; i < BUFFERS; i++) {
                    loader.next().close();
                }
                long begin = System.nanoTime();
                for (int step = 0; step < steps; step++) {
                    try (Batch batch = loader.next()) {
                        step(network, optimizer, batch.images(), batch.labels(), shape);
                    }
                }
                double loaded = (System.nanoTime() - begin) / 1e9;
                // long enough for the loader to fill its buffers
                Thread.sleep(500);
                begin = System.nanoTime();
                for (int step = 0; step < steps; step++) {
                    step(network, optimizer, images.duplicate(), labels.duplicate(), shape);
                }
                double fixed = (System.nanoTime() - begin) / 1e9;
                if (pair > 0) {
                    System.out.printf(Locale.ROOT, "%.6f %.6f%n", loaded, fixed);
                }
            }
        }
    }

    /** Shuffled examples, again and again. */
    private static int[] order(int examples, int count) {
        int[] shuffled = EpochOrder.of(0, 0, examples);
        return IntStream.range(0, count).map(i -> shuffled[i % examples]).toArray();
    }

    private static ByteBuffer copy(ByteBuffer source) {
        ByteBuffer copy = ByteBuffer.allocateDirect(source.remaining());
        return copy.put(source.duplicate()).flip().order(ByteOrder.nativeOrder());
    }

    private static void step(
            Network network, Optimizer optimizer, ByteBuffer images, ByteBuffer labels, Shape shape) {
        try (NDManager manager = network.manager().newSubManager();
                GradientCollector collector =
                        network.manager().getEngine().newGradientCollector()) {
            NDArray x = manager.create(images.order(ByteOrder.nativeOrder()), shape, DataType.FLOAT32);
            NDArray y =
                    manager.create(
                            labels.order(ByteOrder.nativeOrder()),
                            new Shape(shape.get(0)),
                            DataType.INT32);
            NDArray logits = network.forward(x, true);
            collector.backward(LOSS.evaluate(new NDList(y), new NDList(logits)));
        }
        // small enough that the loss stays finite however often the batch is seen
        try (Gradients gradients =
                new Gradients(network.parameters(), network.manager().getEngine())) {
            optimizer.step(gradients.byName(), 0.001, 0);
        }
    }
}
