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
import org.djlresnet.data.Batch;
import org.djlresnet.data.BatchLoader;
import org.djlresnet.data.Datasets;
import org.djlresnet.data.EpochOrder;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.Network;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.training.Sgd;

/**
 * What the data path costs: blocks of steps on the loader's shuffled batches and on one fixed batch,
 * in turn in one process, each step from buffer to moved parameters.
 *
 * <p>Arguments: folder of Fashion-MNIST, batch size, steps of a block, blocks of each kind. Prints
 * for each pair of blocks the seconds with the loader and with the fixed batch. While the fixed
 * batch is trained on, the loader has its buffers full and waits.
 */
public final class DataPath {

    private static final Loss LOSS = Loss.softmaxCrossEntropyLoss();

    private DataPath() {}

    public static void main(String[] args) {
        int batchSize = Integer.parseInt(args[1]);
        int steps = Integer.parseInt(args[2]);
        int blocks = Integer.parseInt(args[3]);
        ImageDataset data = Datasets.read("fashion-mnist", Path.of(args[0]), true);
        try (Network network =
                        Network.create("d2l-resnet18", 1, Network.numbered(10), 0, Device.cpu());
                Sgd optimizer =
                        new Sgd(Recipe.fromJson("{}"), network.parameters(), network.manager());
                BatchLoader loader =
                        new BatchLoader(data, batchSize, EpochOrder.of(0, 0, data.size()), 0)) {
            EngineTraits.of(network.manager().getEngine()).prepareThread();
            network.arrangeFor(data.height(), data.width());
            Batch first = loader.next();
            ByteBuffer images = copy(first.images());
            ByteBuffer labels = copy(first.labels());
            Shape shape = new Shape(first.shape());
            first.close();
            // the first pair warms up and is not printed
            for (int block = 0; block <= blocks; block++) {
                long begin = System.nanoTime();
                for (int step = 0; step < steps; step++) {
                    try (Batch batch = loader.next()) {
                        step(network, optimizer, batch.images(), batch.labels(), shape);
                    }
                }
                long middle = System.nanoTime();
                for (int step = 0; step < steps; step++) {
                    step(network, optimizer, images.duplicate(), labels.duplicate(), shape);
                }
                if (block > 0) {
                    System.out.printf(
                            Locale.ROOT,
                            "%.6f %.6f%n",
                            (middle - begin) / 1e9,
                            (System.nanoTime() - middle) / 1e9);
                }
            }
        }
    }

    private static ByteBuffer copy(ByteBuffer source) {
        ByteBuffer copy = ByteBuffer.allocateDirect(source.remaining());
        return copy.put(source.duplicate()).flip().order(ByteOrder.nativeOrder());
    }

    private static void step(
            Network network, Sgd optimizer, ByteBuffer images, ByteBuffer labels, Shape shape) {
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
        optimizer.step(0.001);
    }
}
