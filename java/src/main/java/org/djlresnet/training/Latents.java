package org.djlresnet.training;

import ai.djl.ndarray.types.Shape;
import org.djlresnet.data.GaussianNoise;
import org.djlresnet.model.Autoencoding;
import org.djlresnet.model.Network;
import org.djlresnet.objective.Minibatch;
import org.djlresnet.recipe.Recipe;

/**
 * What each batch of an autoencoder's run needs besides images: noise, and the weight of the KL
 * divergence. A classifier's batches stay as they are.
 */
final class Latents {

    /** Evaluations draw the same noise for an example, so that epochs compare. */
    private static final long EVALUATION = -1;

    private final Autoencoding output;
    private final long seed;
    private final double beta;
    private final double warmupUpdates;

    /**
     * Prepares a run.
     *
     * @param updatesPerEpoch the number of updates of the weights in an epoch
     */
    Latents(Recipe recipe, Network network, long updatesPerEpoch) {
        output = network.specification().autoencoding();
        seed = recipe.seed();
        beta = recipe.beta();
        warmupUpdates = (double) recipe.betaWarmupEpochs() * updatesPerEpoch;
    }

    /**
     * Completes a batch of training.
     *
     * @param step the step, from 0; noise depends on it and on the place in the batch
     * @param update the update of the weights that it belongs to, from 0
     */
    Minibatch training(Minibatch batch, long step, long update) {
        double risen = warmupUpdates == 0 ? 1 : Math.min(1, (update + 1) / warmupUpdates);
        return complete(batch, step, 0, (float) (beta * risen));
    }

    /**
     * Completes a batch of an evaluation.
     *
     * @param firstExample the index of its first example
     */
    Minibatch evaluation(Minibatch batch, long firstExample) {
        return complete(batch, EVALUATION, firstExample, 1);
    }

    private Minibatch complete(Minibatch batch, long step, long firstExample, float weight) {
        if (output == null) {
            return batch;
        }
        int count = batch.size();
        float[] noise = new float[count * output.latent()];
        GaussianNoise.fill(noise, seed, step, firstExample, count, output.latent());
        Shape shape = new Shape(count, output.latent());
        return batch.with(batch.images().getManager().create(noise, shape), weight);
    }
}
