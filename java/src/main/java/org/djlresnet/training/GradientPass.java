package org.djlresnet.training;

import org.djlresnet.UserException;
import org.djlresnet.engine.Precision;
import org.djlresnet.graph.Graph;
import org.djlresnet.image.ImageShape;
import org.djlresnet.model.Network;
import org.djlresnet.objective.Minibatch;
import org.djlresnet.objective.Objective;
import org.djlresnet.optimizer.Gradients;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.recipe.SettingException;

/** Computes the loss and gradients of a batch. {@link Profiler} also measures the time. */
interface GradientPass extends AutoCloseable {

    /** The tasks of a step other than the passes through the network, for {@link #lap}. */
    enum Task {
        /** Waiting for the next batch, and creating its arrays. */
        DATA,
        /** Updating the parameters. */
        OPTIMIZER,
        /** Metrics, progress, freeing memory, checkpoints within an epoch. */
        BOOKKEEPING
    }

    /**
     * The results of a batch.
     *
     * @param value loss and sums, on the batch's manager
     * @param gradients the gradient of each trained parameter
     */
    record Result(Objective.Value value, Gradients gradients) {}

    /**
     * Creates the pass that a recipe asks for.
     *
     * @param recipe the recipe, with precision, compile, profile, stochastic_depth and augment
     * @param network the network
     * @param objective the objective
     * @param images the shape of its images
     * @return a program, or the network's blocks where it cannot be compiled
     * @throws UserException if precision or profile need a program, and there is none
     */
    static GradientPass create(
            Recipe recipe, Network network, Objective objective, ImageShape images) {
        Precision precision = recipe.precision();
        Graph graph = network.compilable(precision, recipe.compile());
        if (recipe.profile() && (graph == null || network.manager().getDevice().isGpu())) {
            throw new SettingException(
                    "\"profile\" needs \"engine\" pytorch, \"device\" cpu and \"compile\".");
        }
        if (graph == null) {
            return new BlockPass(network, objective);
        }
        boolean drops = recipe.stochasticDepth() > 0;
        boolean mixes = recipe.augment().mix();
        return recipe.profile()
                ? new Profiler(network, graph, objective, images, precision, drops, mixes)
                : new ProgramPass(network, graph, objective, images, precision, drops, mixes, null);
    }

    /**
     * Computes the gradient of each trained parameter, and updates the running statistics.
     *
     * @param batch the batch
     * @return the results
     */
    Result run(Minibatch batch);

    /** Starts the clock before the first step of an epoch. */
    default void begin() {}

    /** Attributes the time since the last reading to a task. */
    default void lap(Task task) {}

    /** Ends a step. */
    default void stepDone() {}

    /** Frees what the pass holds. */
    @Override
    default void close() {}
}
