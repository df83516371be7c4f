package org.djlresnet.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.training.initializer.Initializer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.Network;
import org.djlresnet.optimizer.NormClipping;
import org.djlresnet.optimizer.Optimizer;
import org.djlresnet.optimizer.Optimizers;
import org.djlresnet.optimizer.TrainedParameter;
import org.djlresnet.recipe.Recipe;

/**
 * Changes the weights after each batch: accumulation, clipping, the optimizer, Lookahead, and the
 * average of the weights.
 */
final class WeightUpdates implements AutoCloseable {

    private final Network network;
    private final UpdatePlan plan;
    private final Consumer<Map<String, NDArray>> onGradients;
    private final GradientLog log;
    private final Optimizer optimizer;
    private final Accumulation accumulation;
    private final NormClipping clipping;
    private final Lookahead lookahead;
    private final WeightAverage average;

    /**
     * Begins or continues the updates of a run.
     *
     * @param recipe the recipe
     * @param network the network, whose trained parameters have gradients
     * @param plan which steps share an update
     * @param onGradients receives an update's gradients before they are clipped
     * @param log records the updates
     * @param restored the values of {@link #state} and {@link #average}; missing ones are initial
     */
    WeightUpdates(
            Recipe recipe,
            Network network,
            UpdatePlan plan,
            Consumer<Map<String, NDArray>> onGradients,
            GradientLog log,
            Map<String, Initializer> restored) {
        this.network = network;
        this.plan = plan;
        this.onGradients = onGradients;
        this.log = log;
        NDManager manager = network.manager();
        optimizer = Optimizers.create(recipe, network.parameters(), manager, restored);
        accumulation =
                plan.accumulate() == 1
                        ? null
                        : new Accumulation(
                                TrainedParameter.of(network.parameters(), recipe),
                                manager,
                                restored);
        clipping = recipe.clipNorm() == 0 ? null : new NormClipping(recipe.clipNorm(), manager);
        lookahead =
                recipe.lookahead() == null
                        ? null
                        : new Lookahead(
                                recipe.lookahead(),
                                network,
                                plan.perEpoch(),
                                recipe.epochs(),
                                restored);
        average =
                recipe.emaDecay() == 0 && recipe.swaEpochs() == 0
                        ? null
                        : new WeightAverage(recipe, network, restored);
    }

    /**
     * Uses the gradients of a batch.
     *
     * @param gradients the gradients by parameter name, which may be overwritten
     * @param count the number of examples
     * @param step the number of steps before this one
     * @param lr the learning rate
     * @param epoch the current epoch, from 1
     */
    void add(Map<String, NDArray> gradients, int count, long step, double lr, int epoch) {
        if (accumulation != null) {
            accumulation.add(gradients, (double) count / plan.examples(step));
            if (!plan.ends(step)) {
                return;
            }
            accumulation.take(gradients);
        }
        log.before(step, gradients);
        onGradients.accept(gradients);
        if (clipping != null) {
            clipping.apply(gradients);
        }
        long update = plan.update(step);
        optimizer.step(gradients, lr);
        log.after(step, epoch);
        if (lookahead != null) {
            lookahead.updated(update + 1);
        }
        if (average != null) {
            average.updated(update + 1);
        }
    }

    /** Ends an epoch. Doing so twice changes nothing. */
    void endEpoch() {
        if (lookahead != null) {
            lookahead.endEpoch();
        }
    }

    /** Returns the average of the weights, or null if the recipe sets none. */
    WeightAverage average() {
        return average;
    }

    /** Returns the arrays of the average by the network's names; empty if there is none yet. */
    Map<String, NDArray> averaged() {
        boolean none = average == null || average.byName() == null;
        return none ? Map.of() : average.byName();
    }

    /** Returns how many copies of the weights and statistics a later epoch adds to the state. */
    int copiesToCome() {
        int average = this.average != null && averaged().isEmpty() ? 1 : 0;
        return average + (lookahead != null && lookahead.state().isEmpty() ? 1 : 0);
    }

    /** Sets the network to the average of its weights, if there is one. */
    void loadAverage() {
        EngineTraits traits = EngineTraits.of(network.manager().getEngine());
        averaged()
                .forEach(
                        (name, array) ->
                                traits.assign(network.parameters().get(name).getArray(), array));
    }

    /** Returns the state of the optimizer, an update that has begun, and Lookahead, by name. */
    Map<String, NDArray> state() {
        Map<String, NDArray> state = new LinkedHashMap<>(optimizer.state());
        if (accumulation != null) {
            state.putAll(accumulation.state());
        }
        if (lookahead != null) {
            state.putAll(lookahead.state());
        }
        return state;
    }

    /**
     * Returns copies of all that the constructor restores.
     *
     * @return values by name, valid until this object is closed
     */
    Map<String, Initializer> restorable() {
        Map<String, Initializer> values = new LinkedHashMap<>();
        state().forEach((name, array) -> values.put(name, copy(array)));
        averaged().forEach((name, array) -> values.put(Checkpoint.AVERAGE + name, copy(array)));
        return values;
    }

    private static Initializer copy(NDArray array) {
        return (manager, shape, type) -> {
            NDArray copy = array.duplicate();
            copy.attach(manager);
            return copy;
        };
    }

    @Override
    public void close() {
        optimizer.close();
        if (accumulation != null) {
            accumulation.close();
        }
        if (clipping != null) {
            clipping.close();
        }
        if (lookahead != null) {
            lookahead.close();
        }
        if (average != null) {
            average.close();
        }
    }
}
