package org.djlresnet.training;

import ai.djl.ndarray.NDArray;
import ai.djl.training.initializer.Initializer;
import java.util.LinkedHashMap;
import java.util.Map;
import org.djlresnet.model.Network;

/**
 * Lookahead: every k updates, slow weights move towards the weights, which then continue from them.
 * Running statistics are treated as weights.
 *
 * <p>{@code K:ALPHA} is the original: the slow weights begin as the initial ones, and move by
 * ALPHA. At the end of an epoch they move too, and the weights return to them, so that the slow
 * weights are evaluated and saved. Source: Zhang et al., "Lookahead Optimizer: k steps forward, 1
 * step back", 2019.
 *
 * <p>{@code airbench:0} also begins with the initial weights, {@code airbench:N} at the first fifth
 * update after N epochs. Every 5 updates the slow weights move by 1 − 0.95⁵ · (u / U)³ after update
 * u of U. Epochs end with the weights as they are, only the run with the slow weights. Source:
 * Jordan, legacy/airbench94.py in https://github.com/KellerJordan/cifar10-airbench, for N = 0.
 */
final class Lookahead implements AutoCloseable {

    private static final String NAME = "lookahead/";
    private static final double AIRBENCH_DECAY = Math.pow(0.95, 5);

    private final Network network;
    private final long every;
    private final long total;

    /** The share by which slow weights move; NaN for airbench's. */
    private final double alpha;

    /** The number of updates before the slow weights begin. */
    private final long begin;

    /** Null before they begin. */
    private NetworkTensors slow;

    /**
     * Creates the slow weights.
     *
     * @param setting the setting {@code lookahead}
     * @param network the network
     * @param updatesPerEpoch the number of updates in an epoch
     * @param epochs the number of epochs of the run
     * @param restored the slow weights of an earlier process, by the names of {@link #state}
     */
    Lookahead(
            String setting,
            Network network,
            long updatesPerEpoch,
            int epochs,
            Map<String, Initializer> restored) {
        this.network = network;
        total = epochs * updatesPerEpoch;
        String[] words = setting.split(":");
        boolean airbench = words[0].equals("airbench");
        every = airbench ? 5 : Long.parseLong(words[0]);
        alpha = airbench ? Double.NaN : Double.parseDouble(words[1]);
        begin = airbench ? Long.parseLong(words[1]) * updatesPerEpoch : 0;
        boolean begun = restored.keySet().stream().anyMatch(name -> name.startsWith(NAME));
        if (begun || begin == 0) {
            slow = slow(restored);
        }
    }

    private NetworkTensors slow(Map<String, Initializer> restored) {
        Map<String, NDArray> tensors = network.stateDict();
        // training sets them at the end of an epoch, in the slow weights, too
        network.parameters()
                .forEach(
                        (name, parameter) -> {
                            if (WeightAverage.isSet(parameter)) {
                                tensors.remove(name);
                            }
                        });
        return new NetworkTensors(tensors, network.manager(), NAME, restored);
    }

    /**
     * Follows an update.
     *
     * @param updates the number of updates so far, this one included
     */
    void updated(long updates) {
        if (updates % every == 0 && updates > begin) {
            if (slow == null) {
                slow = slow(Map.of());
            } else {
                double progress = (double) updates / total;
                move(airbench() ? 1 - AIRBENCH_DECAY * Math.pow(progress, 3) : alpha);
            }
        }
        if (airbench() && updates == total && slow != null) {
            slow.write();
        }
    }

    /** Ends an epoch. Doing so twice changes nothing. */
    void endEpoch() {
        if (!airbench()) {
            move(alpha);
        }
    }

    private void move(double share) {
        slow.follow(share);
        slow.write();
    }

    private boolean airbench() {
        return Double.isNaN(alpha);
    }

    /** Returns the slow weights by name; none before they begin. */
    Map<String, NDArray> state() {
        Map<String, NDArray> state = new LinkedHashMap<>();
        if (slow != null) {
            slow.byName().forEach((name, array) -> state.put(NAME + name, array));
        }
        return state;
    }

    @Override
    public void close() {
        if (slow != null) {
            slow.close();
        }
    }
}
