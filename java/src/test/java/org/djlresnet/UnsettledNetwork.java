package org.djlresnet;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.LinkedHashMap;
import java.util.Map;
import org.djlresnet.model.Network;

/** Changes all vectors of a network, so that a test notices if one is lost. */
public final class UnsettledNetwork {

    private UnsettledNetwork() {}

    /**
     * Changes all vectors of a network: gammas and running variances to values from 0.6 to 1.4,
     * biases and running means to values from −0.4 to 0.4, all different.
     *
     * @param network the network
     */
    public static void unsettle(Network network) {
        try (NDManager manager = network.manager().newSubManager()) {
            Map<String, NDArray> state = new LinkedHashMap<>();
            network.stateDict()
                    .forEach(
                            (name, array) -> {
                                boolean vector = array.getShape().dimension() == 1;
                                state.put(name, vector ? moved(manager, name, array) : array);
                            });
            network.loadStateDict(state);
        }
    }

    private static NDArray moved(NDManager manager, String name, NDArray array) {
        float centre = name.endsWith("bias") || name.endsWith("running_mean") ? 0 : 1;
        float[] values = new float[(int) array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = centre + 0.4f * (float) Math.sin(1 + i + name.hashCode() % 1000);
        }
        return manager.create(values, array.getShape());
    }
}
