import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import ai.djl.training.loss.Loss;
import java.util.Locale;
import java.util.Map;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.Network;
import org.djlresnet.optimizer.Gradients;
import org.djlresnet.optimizer.Optimizer;
import org.djlresnet.optimizer.Optimizers;
import org.djlresnet.recipe.Recipe;

/**
 * Our step without the data path: trains on one batch of noise again and again.
 *
 * <p>Arguments: batch size, image size, seconds. Prints the seconds of each step, the first two,
 * which warm up, left out.
 */
public final class FixedBatch {

    public static void main(String[] args) {
        int batchSize = Integer.parseInt(args[0]);
        int size = Integer.parseInt(args[1]);
        double seconds = Double.parseDouble(args[2]);
        Loss loss = Loss.softmaxCrossEntropyLoss();
        try (Network network =
                        Network.create("d2l-resnet18", 1, Network.numbered(10), 0, Device.cpu());
                Optimizer optimizer =
                        Optimizers.create(
                                Recipe.fromJson("{}"),
                                network.parameters(),
                                network.manager(),
                                Map.of());
                NDManager fixed = network.manager().newSubManager()) {
            EngineTraits.of(network.manager().getEngine()).disableRecording();
            network.arrangeFor(size, size);
            NDArray images = fixed.randomUniform(0, 1, new Shape(batchSize, 1, size, size));
            NDArray labels = fixed.randomInteger(0, 10, new Shape(batchSize), DataType.INT32);
            long end = Long.MAX_VALUE;
            for (int step = 0; step < 3 || System.nanoTime() < end; step++) {
                if (step == 2) {
                    end = System.nanoTime() + (long) (seconds * 1e9);
                }
                long begin = System.nanoTime();
                try (NDManager manager = network.manager().newSubManager();
                        GradientCollector collector =
                                network.manager().getEngine().newGradientCollector()) {
                    // a result is freed with the manager of its operands
                    NDArray x = images.duplicate();
                    x.attach(manager);
                    NDArray y = labels.duplicate();
                    y.attach(manager);
                    NDArray logits = network.forward(x, true);
                    NDArray mean = loss.evaluate(new NDList(y), new NDList(logits));
                    collector.backward(mean);
                }
                // small enough that the loss stays finite however often the batch is seen
                try (Gradients gradients =
                        new Gradients(network.parameters(), network.manager().getEngine())) {
                    optimizer.step(gradients.byName(), 0.001, 0);
                }
                if (step > 1) {
                    System.out.printf(Locale.ROOT, "%.6f%n", (System.nanoTime() - begin) / 1e9);
                }
            }
        }
    }
}
