package org.djlresnet.optimizer;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.nn.Parameter;
import java.util.LinkedHashMap;
import java.util.Map;
import org.djlresnet.engine.EngineTraits;

/**
 * The gradients of a step by parameter name, in the parameters' order. Closing frees them, so that
 * the next backward pass starts from zero.
 */
public final class Gradients implements AutoCloseable {

    private final EngineTraits traits;
    private final Map<String, NDArray> parameters = new LinkedHashMap<>();
    private final Map<String, NDArray> byName = new LinkedHashMap<>();

    /**
     * Collects the gradients after a backward pass.
     *
     * @param all the network's parameters by name; those without gradients are skipped
     * @param engine the engine
     */
    public Gradients(Map<String, Parameter> all, Engine engine) {
        traits = EngineTraits.of(engine);
        all.forEach(
                (name, parameter) -> {
                    if (parameter.requiresGradient()) {
                        NDArray array = parameter.getArray();
                        parameters.put(name, array);
                        byName.put(name, array.getGradient());
                    }
                });
    }

    /**
     * Returns the gradients.
     *
     * @return the gradients by parameter name, valid until this object is closed
     */
    public Map<String, NDArray> byName() {
        return byName;
    }

    @Override
    public void close() {
        byName.values().forEach(NDArray::close);
        parameters.values().forEach(traits::forgetGradient);
    }
}
