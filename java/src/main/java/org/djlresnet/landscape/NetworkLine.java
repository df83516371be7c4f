package org.djlresnet.landscape;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Parameter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.model.Network;

/**
 * The line through two networks: at x, every tensor is a + x · (b − a).
 *
 * <p>That includes batch normalization's running statistics, which beyond the networks stay those
 * of the nearer one, see {@link StatisticsRange}. Source: Goodfellow et al., "Qualitatively
 * Characterizing Neural Network Optimization Problems", 2015.
 */
public final class NetworkLine {

    private final Network first;
    private final Network second;

    /**
     * Creates the line.
     *
     * @param first the network at x = 0, the origin of the directions
     * @param second the network at x = 1, of the same kind
     */
    public NetworkLine(Network first, Network second) {
        this.first = first;
        this.second = second;
    }

    /**
     * Returns the direction, as {@link Surface.Source#draw}.
     *
     * @param surface 0
     * @param manager the manager of the arrays
     * @return b − a
     */
    public List<Map<String, NDArray>> direction(int surface, NDManager manager) {
        Map<String, NDArray> direction = new LinkedHashMap<>();
        Map<String, NDArray> ends = second.stateDict();
        first.stateDict()
                .forEach(
                        (name, array) -> {
                            NDArray difference = ends.get(name).sub(array);
                            difference.attach(manager);
                            direction.put(name, difference);
                        });
        return List.of(direction);
    }

    /**
     * Returns the range of the running statistics.
     *
     * @param manager the manager of the arrays
     * @return the range
     */
    public StatisticsRange range(NDManager manager) {
        Map<String, NDArray> least = new LinkedHashMap<>();
        Map<String, NDArray> most = new LinkedHashMap<>();
        Map<String, NDArray> ends = second.stateDict();
        first.parameters()
                .forEach(
                        (name, parameter) -> {
                            if (isStatistic(parameter)) {
                                NDArray array = parameter.getArray();
                                least.put(name, array.minimum(ends.get(name)));
                                most.put(name, array.maximum(ends.get(name)));
                                least.get(name).attach(manager);
                                most.get(name).attach(manager);
                            }
                        });
        return new StatisticsRange(least, most);
    }

    static boolean isStatistic(Parameter parameter) {
        return parameter.getType() == Parameter.Type.RUNNING_MEAN
                || parameter.getType() == Parameter.Type.RUNNING_VAR;
    }
}
