package org.djlresnet.training;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Parameter;
import ai.djl.training.initializer.Initializer;
import java.util.Map;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.Network;
import org.djlresnet.recipe.Recipe;

/**
 * An average of the weights and running statistics over training: an exponential moving average
 * (EMA) over the updates, or the mean over the ends of the last epochs (SWA).
 *
 * <p>EMA: average ← d · average + (1 − d) · weights after update t, counted from 1, with d =
 * min(ema_decay, (1 + t) / (10 + t)), so that the initial weights soon lose their influence. SWA:
 * Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", 2018.
 */
final class WeightAverage implements AutoCloseable {

    private final Network network;
    private final double decay;

    /** The number of epochs before the first one whose weights are averaged. */
    private final int begin;

    /** Null before the average begins. */
    private NetworkTensors average;

    /** The weights while the network has the average. */
    private NetworkTensors raw;

    /**
     * Starts or continues an average.
     *
     * @param recipe the recipe, with ema_decay or swa_epochs
     * @param network the network
     * @param restored the average by the names of a checkpoint, or none
     */
    WeightAverage(Recipe recipe, Network network, Map<String, Initializer> restored) {
        this.network = network;
        decay = recipe.emaDecay();
        begin = recipe.epochs() - recipe.swaEpochs();
        boolean begun =
                restored.keySet().stream().anyMatch(name -> name.startsWith(Checkpoint.AVERAGE));
        if (begun || isMoving()) {
            average = copy(restored);
        }
    }

    private boolean isMoving() {
        return decay > 0;
    }

    private NetworkTensors copy(Map<String, Initializer> values) {
        return new NetworkTensors(
                network.stateDict(), network.manager(), Checkpoint.AVERAGE, values);
    }

    /**
     * Follows an update.
     *
     * @param updates the number of updates so far, this one included
     */
    void updated(long updates) {
        if (isMoving()) {
            average.follow(1 - Math.min(decay, (1.0 + updates) / (10.0 + updates)));
        }
    }

    /**
     * Sets the network to the average at the end of an epoch, until {@link #leave}.
     *
     * @param epochsDone the number of epochs completed before
     * @return whether it differs from the network's weights
     */
    boolean enter(int epochsDone) {
        int count = epochsDone - begin + 1;
        if (!isMoving() && count <= 1) {
            return false;
        }
        raw = copy(Map.of());
        if (isMoving()) {
            average.write();
        } else {
            average.lead(1 - 1.0 / count);
        }
        keepSetTensors();
        return true;
    }

    /**
     * Returns whether training sets a tensor instead of training it, such as a deviation, which has
     * no average.
     */
    static boolean isSet(Parameter parameter) {
        return parameter.getType() == Parameter.Type.OTHER && !parameter.requiresGradient();
    }

    private void keepSetTensors() {
        EngineTraits traits = EngineTraits.of(network.manager().getEngine());
        network.parameters()
                .forEach(
                        (name, parameter) -> {
                            if (isSet(parameter)) {
                                NDArray value = raw.byName().get(name);
                                traits.assign(parameter.getArray(), value);
                                traits.assign(average.byName().get(name), value);
                            }
                        });
    }

    /** Returns whether the running statistics must be recomputed for the average. */
    boolean needsStatistics() {
        return !isMoving();
    }

    /**
     * Restores the network's weights after {@link #enter}.
     *
     * @param epochsDone the number of epochs completed before
     * @param keep whether the epoch is complete
     */
    void leave(int epochsDone, boolean keep) {
        if (keep && !isMoving() && epochsDone >= begin) {
            if (average == null) {
                average = copy(Map.of());
            } else {
                average.read();
            }
        }
        if (raw != null) {
            raw.write();
            raw.close();
            raw = null;
        }
    }

    /** Returns the average by the network's names; null before it begins. */
    Map<String, NDArray> byName() {
        return average == null ? null : average.byName();
    }

    @Override
    public void close() {
        if (average != null) {
            average.close();
        }
    }
}
