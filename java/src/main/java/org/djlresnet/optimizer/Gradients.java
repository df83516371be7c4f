package org.djlresnet.optimizer;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.nn.Parameter;
import java.util.LinkedHashMap;
import java.util.Map;
import org.djlresnet.engine.EngineTraits;

/** The gradients of a step by parameter name, in the parameters' order. Closing frees them. */
public final class Gradients implements AutoCloseable {

    private final Map<String, NDArray> byName;
    private final Runnable afterClose;

    /**
     * Wraps gradients.
     *
     * @param byName the gradients by parameter name, in the parameters' order
     */
    public Gradients(Map<String, NDArray> byName) {
        this(byName, () -> {});
    }

    private Gradients(Map<String, NDArray> byName, Runnable afterClose) {
        this.byName = byName;
        this.afterClose = afterClose;
    }

    /**
     * Collects the gradients after a backward pass of DJL; when they are closed, the next one
     * starts from zero.
     *
     * @param parameters the network's parameters by name; those without gradients are skipped
     * @param engine the engine
     * @return the gradients
     */
    public static Gradients collect(Map<String, Parameter> parameters, Engine engine) {
        Map<String, NDArray> gradients = new LinkedHashMap<>();
        parameters.forEach(
                (name, parameter) -> {
                    if (parameter.requiresGradient()) {
                        gradients.put(name, parameter.getArray().getGradient());
                    }
                });
        EngineTraits traits = EngineTraits.of(engine);
        return new Gradients(
                gradients,
                () ->
                        gradients
                                .keySet()
                                .forEach(
                                        name ->
                                                traits.forgetGradient(
                                                        parameters.get(name).getArray())));
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
        afterClose.run();
    }
}
