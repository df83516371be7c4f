package org.djlresnet.evaluation;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.function.Function;
import java.util.function.Supplier;
import org.djlresnet.UserException;
import org.djlresnet.augment.TestViews;
import org.djlresnet.data.Batch;
import org.djlresnet.data.BatchLoader;
import org.djlresnet.data.Examples;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.engine.Precision;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Inference;
import org.djlresnet.model.Network;
import org.djlresnet.objective.Measurement;
import org.djlresnet.objective.Minibatch;

/** Evaluates a network on a data set, without gradients and without changing the network. */
public final class Evaluator {

    private Evaluator() {}

    /**
     * Evaluates a network on images with its own preprocessing.
     *
     * @param network the network
     * @param examples the examples, with no more classes than the network has
     * @param batchSize the number of examples in a batch; changes only speed, memory and rounding
     * @return the result over all examples
     * @throws UserException if the data do not fit the network, its preprocessing is unknown, or
     *     the heap is too small for its confusion matrix
     */
    public static Evaluation evaluate(Network network, Examples examples, int batchSize) {
        Preprocessing preprocessing = network.specification().requirePreprocessing();
        return evaluate(
                network, examples, batchSize, preprocessing, Precision.FLOAT32, TestViews.NONE);
    }

    /**
     * Evaluates a network with test-time augmentation.
     *
     * @param network the network
     * @param examples the examples, with no more classes than the network has
     * @param batchSize the number of examples in a batch; changes only speed, memory and rounding
     * @param preprocessing how images are prepared, for the network's channels
     * @param precision the precision of convolutions and activations
     * @param views the views of each image whose logits are averaged
     * @return the result over all examples
     * @throws UserException if the data do not fit the network or the views, or the heap is too
     *     small for its confusion matrix
     */
    public static Evaluation evaluate(
            Network network,
            Examples examples,
            int batchSize,
            Preprocessing preprocessing,
            Precision precision,
            TestViews views) {
        requireFit(network, examples);
        network.specification().withPreprocessing(preprocessing);
        disableGradients(network);
        ConfusionMeasurement measurement = new ConfusionMeasurement(network.classNames().size());
        try (Inference inference = new Inference(network, precision, true);
                BatchLoader loader = new BatchLoader(examples, preprocessing, batchSize)) {
            loader.restart(null);
            run(
                    network,
                    batch -> new NDList(views.logits(inference::forward, batch.images())),
                    measurement,
                    loader::next,
                    () -> {});
        }
        return new Evaluation(network.classNames(), measurement.lossSum(), measurement.confusion());
    }

    /**
     * Turns off gradient recording on the current thread.
     *
     * @param network the network
     */
    public static void disableGradients(Network network) {
        EngineTraits.of(network.manager().getEngine()).disableRecording();
    }

    /**
     * Checks that a network has enough classes for some examples.
     *
     * @param network the network
     * @param examples the examples
     * @throws UserException if they have more classes
     */
    public static void requireFit(Network network, Examples examples) {
        boolean needsClasses =
                network.specification().autoencoding() == null || !network.classNames().isEmpty();
        if (needsClasses && examples.classNames().size() > network.classNames().size()) {
            throw UserException.of(
                    "The data have more classes than the network. Received: %d. Allowed:"
                            + " up to %d.",
                    examples.classNames().size(), network.classNames().size());
        }
    }

    /**
     * Measures a network on batches.
     *
     * @param network the network
     * @param outputs computes its outputs for a batch
     * @param measurement receives them
     * @param batches returns the next batch, or null at the end
     * @param afterBatch runs after each batch
     */
    public static void run(
            Network network,
            Function<Minibatch, NDList> outputs,
            Measurement measurement,
            Supplier<Batch> batches,
            Runnable afterBatch) {
        for (Batch next = batches.get(); next != null; next = batches.get()) {
            try (Batch batch = next;
                    NDManager manager = network.manager().newSubManager()) {
                Minibatch minibatch = Minibatch.of(batch, manager);
                measurement.add(outputs.apply(minibatch), minibatch);
            }
            afterBatch.run();
        }
    }
}
