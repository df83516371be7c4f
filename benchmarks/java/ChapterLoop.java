import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.metric.Metrics;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.Blocks;
import ai.djl.nn.LambdaBlock;
import ai.djl.nn.ParallelBlock;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.BatchNorm;
import ai.djl.nn.pooling.Pool;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.EasyTrain;
import ai.djl.training.Trainer;
import ai.djl.training.dataset.ArrayDataset;
import ai.djl.training.evaluator.Accuracy;
import ai.djl.training.listener.TrainingListener;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.zip.GZIPInputStream;

/**
 * The chapter's own loop with DJL's own parts: EasyTrain, Conv2d, BatchNorm, SGD with 0.05, and the
 * listeners that the chapter takes.
 *
 * <p>Source: Dive into Deep Learning (Java edition), 7.6. Two things differ: the data come from the
 * files of this project, as an ArrayDataset, for the class FashionMnist fetches its own; and the
 * images are not resized to 96×96, unless a size is given. Residual is a ParallelBlock, whose
 * shapes DJL knows; the operations are those of the chapter's class.
 *
 * <p>Arguments: data folder, epochs, limit, batch size. Prints the training seconds of each epoch.
 */
public final class ChapterLoop {

    private static Block residual(int channels, boolean use1x1Conv, int stride) {
        SequentialBlock branch =
                new SequentialBlock()
                        .add(convolution(channels, 3, stride, 1))
                        .add(BatchNorm.builder().build())
                        .add(Activation::relu)
                        .add(convolution(channels, 3, 1, 1))
                        .add(BatchNorm.builder().build());
        Block shortcut =
                use1x1Conv ? convolution(channels, 1, stride, 0) : Blocks.identityBlock();
        return new ParallelBlock(
                list ->
                        new NDList(
                                Activation.relu(
                                        list.get(0)
                                                .singletonOrThrow()
                                                .add(list.get(1).singletonOrThrow()))),
                Arrays.asList(branch, shortcut));
    }

    private static Block convolution(int channels, int kernel, int stride, int padding) {
        return Conv2d.builder()
                .setKernelShape(new Shape(kernel, kernel))
                .optStride(new Shape(stride, stride))
                .optPadding(new Shape(padding, padding))
                .setFilters(channels)
                .build();
    }

    private static Block network() {
        SequentialBlock net =
                new SequentialBlock()
                        .add(convolution(64, 7, 2, 3))
                        .add(BatchNorm.builder().build())
                        .add(Activation::relu)
                        .add(Pool.maxPool2dBlock(new Shape(3, 3), new Shape(2, 2), new Shape(1, 1)));
        for (int stage = 0; stage < 4; stage++) {
            int channels = 64 << stage;
            net.add(residual(channels, stage > 0, stage > 0 ? 2 : 1));
            net.add(residual(channels, false, 1));
        }
        return net.add(Pool.globalAvgPool2dBlock()).add(Linear.builder().setUnits(10).build());
    }

    private static float[] read(Path file, int header, int count, float scale) throws IOException {
        try (DataInputStream in =
                new DataInputStream(new GZIPInputStream(Files.newInputStream(file)))) {
            in.readFully(new byte[header]);
            byte[] bytes = new byte[count];
            in.readFully(bytes);
            float[] values = new float[count];
            for (int i = 0; i < count; i++) {
                values[i] = (bytes[i] & 0xFF) * scale;
            }
            return values;
        }
    }

    private static ArrayDataset dataset(
            NDManager manager, Path folder, String part, int count, int batchSize)
            throws IOException {
        float[] pixels =
                read(folder.resolve(part + "-images-idx3-ubyte.gz"), 16, count * 784, 1f / 255);
        float[] labels = read(folder.resolve(part + "-labels-idx1-ubyte.gz"), 8, count, 1);
        NDArray images = manager.create(pixels, new Shape(count, 1, 28, 28));
        return new ArrayDataset.Builder()
                .setData(images)
                .optLabels(manager.create(labels).toType(DataType.INT32, false))
                .setSampling(batchSize, true)
                .build();
    }

    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]);
        int epochs = Integer.parseInt(args[1]);
        int limit = Integer.parseInt(args[2]);
        int batchSize = Integer.parseInt(args[3]);
        try (Model model = Model.newInstance("chapter");
                NDManager manager = NDManager.newBaseManager()) {
            model.setBlock(network());
            DefaultTrainingConfig config =
                    new DefaultTrainingConfig(Loss.softmaxCrossEntropyLoss())
                            .optOptimizer(
                                    Optimizer.sgd()
                                            .setLearningRateTracker(Tracker.fixed(0.05f))
                                            .build())
                            .addEvaluator(new Accuracy())
                            .addTrainingListeners(TrainingListener.Defaults.basic());
            ArrayDataset train = dataset(manager, folder, "train", Math.min(limit, 60000), batchSize);
            ArrayDataset test = dataset(manager, folder, "t10k", Math.min(limit, 10000), batchSize);
            try (Trainer trainer = model.newTrainer(config)) {
                trainer.setMetrics(new Metrics());
                trainer.initialize(new Shape(1, 1, 28, 28));
                for (int epoch = 0; epoch < epochs; epoch++) {
                    long begin = System.nanoTime();
                    EasyTrain.fit(trainer, 1, train, null);
                    double seconds = (System.nanoTime() - begin) / 1e9;
                    EasyTrain.evaluateDataset(trainer, test);
                    System.out.printf(Locale.ROOT, "%.6f%n", seconds);
                }
            }
        }
        if (!Engine.getInstance().getEngineName().equals("PyTorch")) {
            throw new IllegalStateException("another engine ran");
        }
    }
}
