package org.djlresnet.evaluation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.function.Supplier;
import org.djlresnet.UserException;
import org.djlresnet.block.Described;
import org.djlresnet.data.Batch;
import org.djlresnet.data.BatchLoader;
import org.djlresnet.data.Examples;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.FoldedNetwork;
import org.djlresnet.model.Network;
import org.djlresnet.objective.Classification;
import org.djlresnet.objective.ClassificationMeasurement;
import org.djlresnet.objective.Measurement;
import org.djlresnet.objective.Minibatch;

/** Runs a network over a data set in its order, without gradients and without changing it. */
public final class Evaluator {

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
        ClassificationMeasurement measurement =
                new Classification(network.classNames().size()).measurement();
        try (BatchLoader loader = new BatchLoader(examples, preprocessing, batchSize, 1)) {
            loader.restart(null);
            run(network, measurement, loader::next, () -> {});
        }
        return new Evaluation(network.classNames(), measurement.lossSum(), measurement.confusion());
    }

    /**
     * Turns the recording of gradients off on this thread, which is to use the network.
     *
     * @param network the network
     */
    public static void withoutGradients(Network network) {
        EngineTraits.of(network.manager().getEngine()).disableRecording();
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
     * Measures a network on batches.
     *
     * @param network the network
     * @param measurement takes the network's outputs
     * @param batches gives the next batch, or null at the end
     * @param afterBatch runs after each batch
     */
    public static void run(
            Network network,
            Measurement measurement,
            Supplier<Batch> batches,
            Runnable afterBatch) {
        // a registered network of foreign blocks cannot be folded
        boolean describes = network.block() instanceof Described;
        try (FoldedNetwork folded = describes ? new FoldedNetwork(network) : null) {
            for (Batch next = batches.get(); next != null; next = batches.get()) {
                try (Batch batch = next;
                        NDManager manager = network.manager().newSubManager()) {
                    Minibatch minibatch = Minibatch.of(batch, manager);
                    NDArray images = minibatch.images();
                    NDArray outputs =
                            describes ? folded.forward(images) : network.forward(images, false);
                    measurement.add(new NDList(outputs), minibatch);
                }
                afterBatch.run();
            }
        }
    }
}
