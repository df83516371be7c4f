package org.djlresnet.evaluation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.IntBuffer;
import org.djlresnet.UserException;
import org.djlresnet.data.Batch;
import org.djlresnet.data.BatchLoader;
import org.djlresnet.data.Examples;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.FoldedNetwork;
import org.djlresnet.model.Network;

/** Runs a network over a data set in its order, without gradients and without changing it. */
public final class Evaluator {

    /** Is told how an evaluation stands, and may end it. */
    @FunctionalInterface
    public interface Watcher {
        /**
         * Looks at an evaluation between two batches.
         *
         * @param examples the examples done
         * @param loss their mean loss
         * @param accuracy the fraction of them classified rightly
         * @return whether to go on
         */
        boolean goesOn(long examples, double loss, double accuracy);
    }

    private Evaluator() {}

    /**
     * Evaluates a network on images that are prepared as it records.
     *
     * @param network the network
     * @param examples the examples, with no more classes than the network has
     * @param batchSize the number of examples of a batch; it changes nothing but speed, memory and
     *     rounding
     * @return the sums over all examples
     * @throws UserException if the data do not fit the network, or its preprocessing is not known
     */
    public static Evaluation evaluate(Network network, Examples examples, int batchSize) {
        Preprocessing preprocessing = network.specification().requirePreprocessing();
        return evaluate(network, examples, batchSize, preprocessing);
    }

    /**
     * Evaluates a network.
     *
     * @param network the network
     * @param examples the examples, with no more classes than the network has
     * @param batchSize the number of examples of a batch; it changes nothing but speed, memory and
     *     rounding
     * @param preprocessing how images are prepared, of the network's channels
     * @return the sums over all examples
     * @throws UserException if the data do not fit the network
     */
    public static Evaluation evaluate(
            Network network, Examples examples, int batchSize, Preprocessing preprocessing) {
        requireFit(network, examples);
        network.specification().withPreprocessing(preprocessing);
        withoutGradients(network);
        try (BatchLoader loader = new BatchLoader(examples, preprocessing, batchSize, 1)) {
            loader.restart(null);
            return run(network, loader, (done, loss, accuracy) -> true);
        }
    }

    /**
     * Turns the recording of gradients off on this thread, which is to use the network.
     *
     * @param network the network
     */
    public static void withoutGradients(Network network) {
        EngineTraits.of(network.manager().getEngine()).prepareThread();
    }

    /**
     * Checks that a network knows the classes of examples.
     *
     * @param network the network
     * @param examples the examples
     * @throws UserException if they have more classes
     */
    public static void requireFit(Network network, Examples examples) {
        if (examples.classNames().size() > network.classNames().size()) {
            throw new UserException(
                    String.format(
                            "The data have %d classes, but the network knows %d",
                            examples.classNames().size(), network.classNames().size()));
        }
    }

    /**
     * Goes through a loader's batches.
     *
     * @param network the network
     * @param loader the batches
     * @param watcher is told of each batch, and says whether to go on
     * @return the sums, or null if it was not to go on
     */
    public static Evaluation run(Network network, BatchLoader loader, Watcher watcher) {
        int classes = network.classNames().size();
        long[][] confusion = new long[classes][classes];
        double lossSum = 0;
        long examples = 0;
        long right = 0;
        try (FoldedNetwork folded = new FoldedNetwork(network)) {
            for (Batch next = loader.next(); next != null; next = loader.next()) {
                try (Batch batch = next;
                        NDManager manager = network.manager().newSubManager()) {
                    NDArray images =
                            manager.create(
                                    batch.images(), new Shape(batch.shape()), DataType.FLOAT32);
                    float[] logits = folded.forward(images).toFloatArray();
                    IntBuffer labels = batch.labels().asIntBuffer();
                    for (int i = 0; i < batch.count(); i++) {
                        int from = i * classes;
                        int predicted = argmax(logits, from, classes);
                        confusion[labels.get(i)][predicted]++;
                        right += predicted == labels.get(i) ? 1 : 0;
                        lossSum += crossEntropy(logits, from, classes, labels.get(i), predicted);
                    }
                    examples += batch.count();
                }
                if (!watcher.goesOn(examples, lossSum / examples, (double) right / examples)) {
                    return null;
                }
            }
        }
        return new Evaluation(network.classNames(), lossSum, confusion);
    }

    private static int argmax(float[] logits, int from, int classes) {
        int best = 0;
        for (int i = 1; i < classes; i++) {
            if (logits[from + i] > logits[from + best]) {
                best = i;
            }
        }
        return best;
    }

    private static double crossEntropy(
            float[] logits, int from, int classes, int label, int largest) {
        double sum = 0;
        for (int i = 0; i < classes; i++) {
            sum += Math.exp(logits[from + i] - (double) logits[from + largest]);
        }
        return Math.log(sum) + logits[from + largest] - logits[from + label];
    }
}
